import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import {
  MANUAL,
  nextVersion,
  releasedChangelog,
  releasedManual,
} from "../../../toolchain/release/changelog.mjs";

const ROOT = join(import.meta.dirname, "../../..");
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  version: string;
};
const DOCUMENTS = globSync("{*,docs/*}.md", { cwd: ROOT });

describe("the next version", () => {
  test.each([
    ["1.2.3", "patch", "1.2.4"],
    ["1.2.3", "minor", "1.3.0"],
    ["1.2.3", "major", "2.0.0"],
    ["0.1.0", "0.1.1", "0.1.1"],
    ["0.9.9", "0.10.0", "0.10.0"],
    ["1.9.9", "2.0.0", "2.0.0"],
  ])("%s, %s: %s", (current, wanted, version) => {
    expect(nextVersion(current, wanted)).toBe(version);
  });

  test.each(["0.1.0", "0.0.9", "0.0.10"])("is not 0.1.0 -> %s", (wanted) => {
    expect(() => nextVersion("0.1.0", wanted)).toThrow(
      new Error(`${wanted} is not newer than 0.1.0, the version in package.json`),
    );
  });

  test.each(["", "v1.2.3", "1.2", "1.2.3-beta", "--force"])("is none of %j", (wanted) => {
    expect(() => nextVersion("0.1.0", wanted)).toThrow(
      new Error(`a release is major, minor, patch or a version like 1.2.3, got "${wanted}"`),
    );
  });
});

describe("the changelog", () => {
  const BEFORE = `# Changes

## Unreleased

### Added
- a dashboard

## 0.1.0 (2026-11-21)

- all of it
`;

  test("has what was unreleased under the version and its date", () => {
    expect(releasedChangelog(BEFORE, "0.2.0", "2026-12-01")).toEqual({
      notes: "### Added\n- a dashboard",
      text: `# Changes

## Unreleased

## 0.2.0 (2026-12-01)

### Added
- a dashboard

## 0.1.0 (2026-11-21)

- all of it
`,
    });
  });

  test("of a first release has no other section", () => {
    const first = "# Changes\n\n## Unreleased\n\n- all of it\n";
    expect(releasedChangelog(first, "0.1.0", "2026-11-21")).toEqual({
      notes: "- all of it",
      text: "# Changes\n\n## Unreleased\n\n## 0.1.0 (2026-11-21)\n\n- all of it\n",
    });
  });

  test.each([
    ["# Changes\n", 'CHANGELOG.md has no line "## Unreleased"'],
    [
      releasedChangelog(BEFORE, "0.2.0", "2026-12-01").text,
      'CHANGELOG.md says nothing under "## Unreleased": say there what users get',
    ],
    [BEFORE.replaceAll("0.1.0", "0.3.0"), "CHANGELOG.md has a section of 0.3.0 already"],
  ])("that cannot be released says why: %#", (changelog, message) => {
    expect(() => releasedChangelog(changelog, "0.3.0", "2026-12-24")).toThrow(new Error(message));
  });
});

describe("the manual", () => {
  const commands = (of: string) =>
    `npm install ../ollama-mesh/ollama-mesh-${of}.tgz\n\`package add github.com/ollama-mesh/ollama-mesh@v${of}\`\n`;

  test("names the tarball and the tag of the new version, and of no other number", () => {
    const more = "as 0.1.0 did, at 10.0.1.0, ollama-mesh-0.1.01.tgz";
    expect(releasedManual(commands("0.1.0") + more, "0.1.0", "0.2.0")).toBe(
      commands("0.2.0") + more,
    );
  });

  test.each(DOCUMENTS)(
    "%s has no version of the package but that of package.json, and a release writes it anew",
    (file) => {
      const versions = (text: string) =>
        [...text.matchAll(/ollama-mesh(?:-|@v)(\d[\d.]*\d)/g)].map(([, each]) => each);
      const text = readFileSync(join(ROOT, file), "utf8");
      const named = versions(text);
      expect(named).toEqual(named.map(() => version));
      expect(named.length > 0).toBe(MANUAL.includes(file));
      expect(versions(releasedManual(text, version, "9.10.11"))).toEqual(
        named.map(() => "9.10.11"),
      );
    },
  );
});
