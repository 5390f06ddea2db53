// A Node that runs TypeScript as it is: the machine's own, else the binary out of the npm package.
import { existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";

import { built, contentOf } from "./cache.mjs";
import { run } from "./command.mjs";
import { versionOf } from "./installed.mjs";
import { step } from "./progress.mjs";
import { OLDEST_NODE, atLeast } from "./versions.mjs";

const PINS = join(import.meta.dirname, "node");
const FILES = ["package-lock.json", "package.json"];

/**
 * The folder to put first on PATH so that `node` is new enough; undefined when it already is.
 *
 * @returns {Promise<string | undefined>}
 */
export async function ensureNode() {
  const own = await versionOf("node", ["--version"]);
  if (own && atLeast(own, OLDEST_NODE)) return undefined;
  const inputs = [process.platform, process.arch, ...contentOf(PINS, ...FILES)];
  const folder = await built("node", inputs, (out) =>
    step(
      `installing Node for this project (yours is ${own ?? "missing"}, needed is ${OLDEST_NODE})`,
      async () => {
        for (const file of FILES) {
          await copyFile(join(PINS, file), join(out, file));
        }
        await run(
          "npm",
          ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
          {
            cwd: out,
          },
        );
        binFolder(out);
      },
    ),
  );
  return binFolder(folder);
}

/** @param {string} folder */
function binFolder(folder) {
  const platform = `${process.platform}-${process.arch}`;
  for (const name of [`node-${platform}`, `node-bin-${platform}`]) {
    const bin = join(folder, "node_modules", name, "bin");
    if (existsSync(join(bin, "node"))) return bin;
  }
  throw new Error(`npm has no Node for ${platform}: install Node >= ${OLDEST_NODE} yourself`);
}
