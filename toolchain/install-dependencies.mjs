// The program's npm packages and its compiled library, put in place when they are missing or out of date.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";

import { contentOf, ensureCacheFolder, hashOf } from "./cache.mjs";
import { run } from "./command.mjs";
import { ensureNodeOnPath } from "./ensure.mjs";
import { locked } from "./lock.mjs";
import { step } from "./progress.mjs";

const ROOT = join(import.meta.dirname, "..");

const QUIET = {
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_loglevel: "error",
  npm_config_progress: "false",
  npm_config_update_notifier: "false",
};

/** @param {string} file @returns {Record<string, {version?: string, optional?: boolean}>} */
function packagesIn(file) {
  const { "": _root, ...packages } = JSON.parse(readFileSync(join(ROOT, file), "utf8")).packages;
  return packages;
}

/** Whether the folder of every package is there. Optional ones are for other platforms. */
function allThere() {
  return Object.entries(packagesIn("package-lock.json")).every(
    ([path, { optional }]) => optional || existsSync(join(ROOT, path)),
  );
}

/** Whether npm's own record of what it installed says what package-lock.json says: someone ran npm by hand. */
function installedAsLocked() {
  const record = "node_modules/.package-lock.json";
  if (!existsSync(join(ROOT, record)) || !allThere()) return false;
  const installed = packagesIn(record);
  const locked = packagesIn("package-lock.json");
  return (
    Object.keys(installed).every((path) => path in locked) &&
    Object.entries(locked).every(([path, { version, optional }]) =>
      path in installed ? installed[path]?.version === version : optional,
    )
  );
}

/**
 * Does the work when it was not done yet with these inputs.
 *
 * @param {string} name
 * @param {string[]} inputs
 * @param {() => boolean} done whether the result is there
 * @param {() => Promise<unknown>} work
 */
async function whenStale(name, inputs, done, work) {
  const stamp = join(ROOT, "node_modules", `.ollama-mesh-${name}`);
  const hash = hashOf(inputs);
  const fresh = () => existsSync(stamp) && readFileSync(stamp, "utf8") === hash && done();
  if (fresh()) return;
  await locked(join(await ensureCacheFolder(), `${name}-${hashOf([ROOT])}.lock`), async () => {
    if (fresh()) return;
    await work();
    writeFileSync(stamp, hash);
  });
}

/**
 * Makes `node_modules` what package-lock.json says and `dist` what the sources say.
 * Scripts of dependencies do not run: none of them is needed.
 *
 * @returns {Promise<void>}
 */
export async function ensureDependencies() {
  const env = { ...(await ensureNodeOnPath()), ...QUIET };
  const lockFile = contentOf(ROOT, "package-lock.json");
  const install = () =>
    step("installing the npm packages of package-lock.json", () =>
      run("npm", ["ci", "--ignore-scripts"], { cwd: ROOT, env }),
    );
  await whenStale("packages", lockFile, allThere, async () => installedAsLocked() || install());
  const sources = [
    "config",
    "plan",
    "components",
    "templates",
    "steps",
    "cli",
    "plugin",
    "policy",
    "toolchain/package/build.mjs",
    "tsconfig.json",
    "tsconfig.build.json",
  ];
  await whenStale(
    "dist",
    [...lockFile, ...contentOf(ROOT, ...sources)],
    () => existsSync(join(ROOT, "dist")),
    () =>
      step("compiling the library", async () => {
        await rm(join(ROOT, "dist"), { recursive: true, force: true }); // a file whose source is gone would stay
        await run("npm", ["run", "--silent", "build"], { cwd: ROOT, env });
      }),
  );
}

if (process.argv[1] === import.meta.filename) await ensureDependencies();
