// npm run live: changes and troubles of a mesh under load, and what clients see of them.
import "../toolchain/node/oldest-node.mjs";
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";

import { ensureNodeOnPath } from "../toolchain/ensure.mjs";
import { ensureDependencies } from "../toolchain/install-dependencies.mjs";
import { prepared } from "./prepared.mjs";

const HELP = `npm run live [-- [NAME...] [--times N] [--markdown FILE] [--list]]

Brings meshes up on this machine's Docker engine, each with a name of its own, changes and breaks them while
clients ask, and prints one table: what was done, what clients saw, which resources were touched. Ends with
code 1 when a planned change cost a request, or touched anything that its preview did not name. Everything
that is needed is put in place as "npm run lab" does; what a killed run left is removed by the next one.

  NAME             only these scenarios
  --times N        each of them so often; counts are added up, the longest time is shown
  --markdown FILE  when all of them went well, put the table between the marks of FILE (docs/measurements.md)
  --list           the names, and what each does
  --help           this text`;

const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) {
  console.log(HELP);
} else {
  try {
    const env = args.includes("--list") ? await packagesOnly() : await prepared();
    const program = join(import.meta.dirname, "live/main.ts");
    const child = spawn("node", [program, ...args], { env, stdio: "inherit" });
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    // From a terminal it reaches the child by itself.
    process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
    child.on("exit", (code, signal) => {
      process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** What a list of scenarios needs: no engine, and no images. */
async function packagesOnly() {
  const env = await ensureNodeOnPath();
  await ensureDependencies();
  return env;
}
