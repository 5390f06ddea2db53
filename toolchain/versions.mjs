// Which versions the mesh needs, in one place.
import { readFileSync } from "node:fs";

/** @param {URL} file */
const json = (file) => JSON.parse(readFileSync(file, "utf8"));

const program = json(new URL("../package.json", import.meta.url));

/** Native type stripping without a flag. */
export const OLDEST_NODE = "22.18.0";

/** The oldest Pulumi CLI that is used as it is, and the one that is put in place otherwise. */
export const PULUMI = "3.259.0";

/** The plugins' versions are those of the npm packages: the program asks the engine for exactly them. */
export const PLUGINS = /** @type {Readonly<Record<"docker" | "command", string>>} */ ({
  docker: program.dependencies["@pulumi/docker"],
  command: program.dependencies["@pulumi/command"],
});

/**
 * Whether a version as programs print it ("v3.259.0", "3.260.0-alpha.1+x") is at least another one.
 *
 * @param {string} version
 * @param {string} oldest
 */
export function atLeast(version, oldest) {
  /** @param {string} text */
  const numbers = (text) => /(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number);
  const [have, want] = [numbers(version), numbers(oldest)];
  if (!have || !want) return false;
  for (const [i, wanted] of want.entries()) {
    const had = have[i] ?? 0;
    if (had !== wanted) return had > wanted;
  }
  return !/^v?\d+\.\d+\.\d+-/.test(version.trim()); // 3.259.0-alpha comes before 3.259.0
}
