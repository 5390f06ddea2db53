// npm run contract: what the mesh relies on in Pulumi's command line, its Node host and its plugins, whichever are in place.
import "../toolchain/node/oldest-node.mjs";
import { homedir } from "node:os";
import { join } from "node:path";

import { run } from "../toolchain/command.mjs";
import { PLUGINS } from "../toolchain/versions.mjs";
import { prepared } from "./prepared.mjs";

const ROOT = join(import.meta.dirname, "..");
const HELP = `npm run contract

Runs the tests of Pulumi's plugins and Node host, and a stack on the engine (up, an answer, no change, changes, a dead
host, destroy), against whatever is in place, which is said first: what is installed, else official releases, else
our own builds. PULUMI_HOME names the folder whose plugins are taken:

  PULUMI_HOME=~/other npm run contract      with ~/other/plugins/resource-{docker,command}-vVERSION/`;

/** Of the contract itself, then a stack from nothing to nothing, its changes, and a host that is switched off. */
const TESTS = [
  "test/toolchain/command-plugin",
  "test/toolchain/docker-plugin.test.ts",
  "test/toolchain/language-host.test.ts",
  "test/engine/mesh/program.test.ts",
  "test/engine/mesh/changes.test.ts",
  "test/engine/mesh/offline.test.ts",
];

/**
 * What a program says of itself: ours do with --version, the official plugins know no such word.
 *
 * @param {string} file
 * @param {NodeJS.ProcessEnv} env
 */
async function origin(file, env) {
  const said = await run("timeout", ["5", file, "--version"], { env }).catch(() => "");
  return said.includes("ollama-mesh's own") ? "ours" : "official";
}

/** @param {NodeJS.ProcessEnv} env */
async function inPlace(env) {
  const home = env["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  const host = (await run("sh", ["-c", "command -v pulumi"], { env })).trim();
  const about = await run("pulumi", ["about", "--json"], { cwd: ROOT, env }).catch(() => "{}");
  const { runtime } = JSON.parse(about);
  console.log(`pulumi ${(await run("pulumi", ["version"], { env })).trim()}, ${host}`);
  const isOurs = JSON.stringify(runtime ?? {}).includes("ollama-mesh's own");
  console.log(`Node language host: ${isOurs ? "ours" : "official"}`);
  for (const [name, version] of Object.entries(PLUGINS)) {
    const folder = join(home, "plugins", `resource-${name}-v${version}`);
    const file = join(folder, `pulumi-resource-${name}`);
    console.log(`${name} plugin ${version}: ${await origin(file, env)}, ${file}`);
  }
}

if (process.argv.includes("--help")) {
  console.log(HELP);
  process.exit(0);
}

try {
  const env = await prepared();
  await inPlace(env);
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const words = [vitest, "run", "--config", "test/vitest.config.mts", ...TESTS];
  await run("node", words, { cwd: ROOT, env, inherit: true });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
