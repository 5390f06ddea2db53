// What a machine can say of the sources without running them: every check is run, and all failures are shown.
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";

import { ensureAptPackages } from "../lab/apt-packages.mjs";
import { CommandError, run } from "../toolchain/command.mjs";
import { sourceFiles } from "./support/source-files.mjs";

const ROOT = join(import.meta.dirname, "..");
/** Scripts that are handed to a shell by name, so they have no first line that says which. */
const SCRIPTS_FOR_SH = ["lab/images/ollama/create-models", "test/live/acting-image/entrypoint"];

/** @typedef {(program: string, ...args: string[]) => Promise<string>} Run runs a program in the checkout */

/**
 * Each gives nothing, or throws with what is wrong. The longest first: two run at a time.
 *
 * @satisfies {Record<string, (run: Run) => Promise<unknown>>}
 */
const CHECKS = {
  types: (run) => run("tsc", "-p", "tsconfig.json"),
  "types of the balancer's program": (run) => run("tsc", "-p", "templates/njs/tsconfig.json"),
  "types of the status page": (run) => run("tsc", "-p", "templates/status/tsconfig.json"),
  format: (run) => run("prettier", "--check", "--cache", "--log-level=warn", "."),
  "lint and circles": (run) => run("oxlint", "--format=unix"),
  package: checkPackage,
  "dead exports": (run) => run("knip", "--no-progress"),
  "shell scripts": checkShellScripts,
};

/**
 * Runs all checks, two at a time, and prints the seconds of each.
 *
 * @param {NodeJS.ProcessEnv} env with this project's Node on PATH
 * @throws {Error} what every failed check said
 */
export async function checkSources(env) {
  const bin = join(ROOT, "node_modules", ".bin");
  const inCheckout = { cwd: ROOT, env: { ...env, PATH: `${bin}:${env["PATH"]}` } };
  /** @type {Run} */
  const here = (program, ...args) => run(program, args, inCheckout);
  /** @type {string[]} */
  const failures = [];
  const waiting = Object.entries(CHECKS);
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, check] = next;
      const began = Date.now();
      const said = await check(here).then(() => undefined, complaint);
      const seconds = ((Date.now() - began) / 1000).toFixed(1);
      console.error(`  ${said === undefined ? "ok    " : "failed"} ${name} (${seconds} s)`);
      if (said !== undefined) failures.push(`${name}:\n${said.trim()}`);
    }
  };
  console.error("> Check the sources");
  await Promise.all([work(), work()]);
  if (failures.length > 0) throw new Error(`\n${failures.join("\n\n")}`);
}

/** @param {unknown} error */
function complaint(error) {
  if (error instanceof CommandError) return error.output || error.message;
  return error instanceof Error ? error.message : String(error);
}

/** The package as users get it: what its package.json promises is there, and TypeScript finds the types. */
async function checkPackage(/** @type {Run} */ run) {
  const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-package-"));
  try {
    // Built by whoever calls; --ignore-scripts, lest it is built again.
    await run("npm", "pack", "--loglevel=error", "--ignore-scripts", "--pack-destination", folder);
    const tarball = join(folder, (await readdir(folder))[0] ?? "");
    await run("publint", "--strict", tarball);
    // The steps are for Commands, which import() them.
    const shown = ["--format", "ascii", "--no-emoji", "--entrypoints", "."];
    await run("attw", tarball, "--profile", "strict", ...shown);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every script for sh or bash, whatever it is called. */
async function checkShellScripts(/** @type {Run} */ run) {
  await ensureAptPackages("checking shell scripts", [{ has: "shellcheck", apt: "shellcheck" }]);
  const scripts = [];
  for (const file of sourceFiles()) {
    if (extname(file) === ".sh") scripts.push(file);
    if (extname(file) !== "") continue;
    const [firstLine = ""] = (await readFile(join(ROOT, file), "utf8")).split("\n", 1);
    if (/^#!.*\b(ba|da)?sh\b/.test(firstLine)) scripts.push(file);
  }
  await run("shellcheck", ...scripts);
  await run("shellcheck", "--shell=sh", ...SCRIPTS_FOR_SH);
}
