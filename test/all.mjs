// npm test: everything the tests need is put in place, then all of them run.
import { join } from "node:path";
import { run } from "../toolchain/command.mjs";
import { step } from "../toolchain/progress.mjs";
import { prepared } from "./prepared.mjs";

const ROOT = join(import.meta.dirname, "..");
const HELP = `npm test [-- <vitest arguments>]

Puts the toolchain, the npm packages, a Docker engine and the images in place as "npm run lab" does, then
checks types and formatting and runs every test: pure, golden (through the real nginx), components, and
the real engine with real containers. Skipped tests are counted, with their reason.

  npm test -- test/golden/golden.test.ts     one file
  npm test -- --project lan           changes and failures on simulated machines, minutes long, only so
  npm test -- -t "weights"            tests whose title matches`;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(HELP);
  process.exit(0);
}

const chosen = args.length > 0 ? args : ["--project=!lan"];

try {
  const env = await prepared();
  if (args.length === 0) {
    await step("Check formatting", () => tool(env, "prettier/bin/prettier.cjs", "--check", "."));
    await step("Check types", () => tool(env, "typescript/bin/tsc", "-p", "tsconfig.json"));
  }
  await tool(env, "vitest/vitest.mjs", "run", "--config", "test/vitest.config.mts", ...chosen);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** @param {NodeJS.ProcessEnv} env @param {string} file @param {string[]} words */
function tool(env, file, ...words) {
  return run("node", [join(ROOT, "node_modules", file), ...words], {
    cwd: ROOT,
    env,
    inherit: true,
  });
}
