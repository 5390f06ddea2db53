// npm run release: a version, its commit, its tag and its tarball. It never pushes or publishes.
import "../node/oldest-node.mjs";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { run } from "../command.mjs";
import { ensureNodeOnPath } from "../ensure.mjs";
import { ensureDependencies } from "../install-dependencies.mjs";
import { step } from "../progress.mjs";
import { MANUAL, nextVersion, releasedChangelog, releasedManual } from "./changelog.mjs";

const ROOT = join(import.meta.dirname, "..", "..");
const CHANGELOG = join(ROOT, "CHANGELOG.md");
const WRITTEN = ["package.json", "package-lock.json", "schema.json", "CHANGELOG.md", ...MANUAL];
const HELP = `npm run release -- major|minor|patch|VERSION [--dry-run]

Sets the version in package.json, schema.json and the manual's commands, puts what CHANGELOG.md has under "Unreleased" under it,
runs "npm run check", makes the tarball, commits and tags. Nothing is pushed or published: the last lines say how.

  --dry-run  checks everything and says what would be released; writes nothing`;

/** @param {string} wanted @param {boolean} dryRun */
async function release(wanted, dryRun) {
  const {
    name,
    version: current,
    repository,
  } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const version = nextVersion(current, wanted);
  const today = new Date().toISOString().slice(0, 10);
  const { text, notes } = releasedChangelog(readFileSync(CHANGELOG, "utf8"), version, today);

  const env = await ensureNodeOnPath();
  /** @param {string[]} args */
  const git = (...args) => run("git", args, { cwd: ROOT, env });
  if (await git("tag", "--list", `v${version}`))
    throw new Error(`there is a tag v${version} already`);
  if (!dryRun && (await git("status", "--porcelain"))) {
    throw new Error("there are changes that are not committed: commit or stash them, then release");
  }
  await checkOrigin(git, repository.url);

  await ensureDependencies();
  await run("node", ["test/check.mjs"], { cwd: ROOT, env, inherit: true });
  console.log(`\n${name} ${version}:\n\n${notes}\n`);
  if (dryRun) return;

  try {
    await run("npm", ["version", version, "--no-git-tag-version"], { cwd: ROOT, env });
    await run("npm", ["run", "schema"], { cwd: ROOT, env });
    writeFileSync(CHANGELOG, text);
    for (const file of MANUAL.map((each) => join(ROOT, each))) {
      writeFileSync(file, releasedManual(readFileSync(file, "utf8"), current, version));
    }
    await step("Make the tarball", () =>
      run("npm", ["pack", "--loglevel=error"], { cwd: ROOT, env }),
    );
    await git("commit", "--message", `Release ${version}`, ...WRITTEN);
  } catch (error) {
    await git("checkout", "--", ...WRITTEN);
    throw error;
  }
  // Verbatim: git takes headings of Markdown for comments.
  const message = `${name} ${version}\n\n${notes}`;
  await git("tag", "--annotate", "--cleanup=verbatim", `v${version}`, "--message", message);
  console.log(`Tagged v${version}. To let others have it:
  git push --follow-tags
  npm publish ${name}-${version}.tgz`);
}

/**
 * Users report bugs and clone where package.json says: that must be where this goes.
 *
 * @param {(...args: string[]) => Promise<string>} git
 * @param {string} url
 */
async function checkOrigin(git, url) {
  /** @param {string} text */
  const ownerAndName = (text) =>
    text
      .trim()
      .replace(/\.git$/, "")
      .split(/[/:]/)
      .slice(-2)
      .join("/");
  const origin = await git("remote", "get-url", "origin").catch(() => undefined);
  if (origin !== undefined && ownerAndName(origin) !== ownerAndName(url)) {
    throw new Error(
      `package.json's repository is ${url}, but origin is ${origin.trim()}: set repository, bugs and homepage to it`,
    );
  }
}

try {
  const { values, positionals } = parseArgs({
    options: { "dry-run": { type: "boolean" }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  const [wanted] = positionals;
  if (values.help) console.log(HELP);
  else if (wanted === undefined || positionals.length > 1) throw new Error(HELP);
  else await release(wanted, values["dry-run"] === true);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
