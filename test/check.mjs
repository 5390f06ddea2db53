// npm run check: what can be said in about a minute, without an engine.
import "../toolchain/node/oldest-node.mjs";
import { join } from "node:path";

import { run } from "../toolchain/command.mjs";
import { ensureNodeOnPath } from "../toolchain/ensure.mjs";
import { ensureDependencies } from "../toolchain/install-dependencies.mjs";
import { checkSources } from "./checks.mjs";

const ROOT = join(import.meta.dirname, "..");
const HELP = `npm run check [-- --sources]

Checks the sources (format, types, lint and circles, dead exports, shell scripts, the package as users get it)
and runs the unit tests, those aside that need an nginx image or an engine: "npm test" runs them. Puts in place
what is missing: Node, the npm packages, shellcheck.

  --sources  no unit tests`;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(HELP);
  process.exit(0);
}

/** @param {() => Promise<unknown>} work */
async function report(work) {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

await report(async () => {
  const env = await ensureNodeOnPath();
  await ensureDependencies();
  await report(() => checkSources(env));
  if (args.includes("--sources")) return;
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const words = [vitest, "run", "--config", "test/vitest.config.mts", "--project", "unit"];
  await run("node", words, { cwd: ROOT, env, inherit: true });
});
