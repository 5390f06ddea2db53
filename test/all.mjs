// npm test: everything the tests need is put in place, then all of them run.
import "../toolchain/node/oldest-node.mjs";
import { join } from "node:path";
import { ensureAptPackages } from "../lab/apt-packages.mjs";
import { run } from "../toolchain/command.mjs";
import { checkSources } from "./checks.mjs";
import { ensurePrometheus } from "./page/prometheus-bin.mjs";
import { prepared } from "./prepared.mjs";

const ROOT = join(import.meta.dirname, "..");
const HELP = `npm test [-- <vitest arguments>]

Puts the toolchain, the npm packages, a Docker engine and the images in place as "npm run lab" does, then
checks the sources as "npm run check" does and runs every test: pure, golden (through the real nginx), components,
and the real engine with real containers. Skipped tests are counted, with their reason.

  npm test -- test/golden/golden.test.ts     one file
  npm test -- --project router        how nodes are chosen, on a real nginx under load; only so
  npm test -- --project page          the status page in a headless Chromium, which is installed; only so
  npm test -- --project lan           changes and failures on simulated machines, minutes long, only so
  npm test -- --project interrupted   an up killed at each boundary of its steps, or stopped by a dead node, only so
  npm test -- --project languages     examples/ for real, in TypeScript, YAML, Python and Go, only so
  npm test -- -t "weights"            tests whose title matches`;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(HELP);
  process.exit(0);
}

const BY_NAME = ["lan", "router", "languages", "page", "interrupted"];
const chosen = args.length > 0 ? args : BY_NAME.map((level) => `--project=!${level}`);

try {
  const env = await prepared();
  if (chosen.includes("page") || chosen.some((word) => word.startsWith("test/page"))) {
    const browsers = ["chromium", "chromium-browser", "google-chrome"];
    await ensureAptPackages("looking at the status page", [{ has: browsers, apt: "chromium" }]);
    env["OLLAMA_MESH_PROMETHEUS"] = await ensurePrometheus();
  }
  if (args.length === 0) await checkSources(env);
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const words = [vitest, "run", "--config", "test/vitest.config.mts", ...chosen];
  await run("node", words, { cwd: ROOT, env, inherit: true });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
