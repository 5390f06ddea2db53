// npm test: everything the tests need is put in place, then all of them run.
import { join } from "node:path";
import { run } from "../toolchain/command.mjs";
import { checkSources } from "./checks.mjs";
import { prepared } from "./prepared.mjs";

const ROOT = join(import.meta.dirname, "..");
const HELP = `npm test [-- <vitest arguments>]

Puts the toolchain, the npm packages, a Docker engine and the images in place as "npm run lab" does, then
checks the sources as "npm run check" does and runs every test: pure, golden (through the real nginx), components,
and the real engine with real containers. Skipped tests are counted, with their reason.

  npm test -- test/golden/golden.test.ts     one file
  npm test -- --project router        the program that will know nodes, which no mesh uses yet; only so
  npm test -- --project lan           changes and failures on simulated machines, minutes long, only so
  npm test -- -t "weights"            tests whose title matches`;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(HELP);
  process.exit(0);
}

const chosen = args.length > 0 ? args : ["--project=!lan", "--project=!router"];

try {
  const env = await prepared();
  if (args.length === 0) await checkSources(env);
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const words = [vitest, "run", "--config", "test/vitest.config.mts", ...chosen];
  await run("node", words, { cwd: ROOT, env, inherit: true });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
