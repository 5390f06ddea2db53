// Told by a vitest of its own: here a test that fails would fail.
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, onTestFinished, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
const STORY = join(ROOT, "test/support/report/story.ts");

/** The tests of a file by title: state, and words of a failure. */
async function told(text: string): Promise<Record<string, string[]>> {
  const folder = await mkdtemp(join(tmpdir(), "story-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const head = `import { test } from "vitest";\nimport { story } from ${JSON.stringify(STORY)};\n`;
  await writeFile(join(folder, "told.test.ts"), head + text);
  const reporter = `export default class {
    onTestRunEnd([file]) {
      const tests = [...file.children.allTests()].map((test) => {
        const { state, errors = [], note } = test.result();
        return [test.name, [state, ...errors.map(({ message }) => message), ...(note ? [note] : [])]];
      });
      console.log(JSON.stringify(Object.fromEntries(tests)));
    }
  }`;
  await writeFile(join(folder, "reporter.mjs"), reporter);
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--root", folder, "--reporter", join(folder, "reporter.mjs")];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  );
  return JSON.parse(stdout) as Record<string, string[]>;
}

test("after the step that failed the rest is skipped, and says which one it needed", async () => {
  const reason = "needs the step before, which failed: two";
  expect(
    await told(`
      story();
      test("one", () => {});
      test("two", () => { throw new Error("broke"); });
      test("three", () => { throw new Error("of the same cause"); });
      test("four", () => {});`),
  ).toEqual({
    one: ["passed"],
    two: ["failed", "broke"],
    three: ["skipped", reason],
    four: ["skipped", reason],
  });
});

test("without it each test is on its own", async () => {
  expect(
    await told(`
      test("one", () => { throw new Error("broke"); });
      test("two", () => {});`),
  ).toEqual({ one: ["failed", "broke"], two: ["passed"] });
});
