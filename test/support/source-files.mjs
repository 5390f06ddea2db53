// The files of the checkout, as git would list them, with or without git.
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");
/** Installed, built, or of a lab that runs: what .gitignore names, and git's own. */
const NOT_OURS = new Set([".git", "node_modules", "dist", ".lab", ".lan"]);

/**
 * Paths from the root of the checkout, sorted, with "/" on every system.
 *
 * @returns {string[]}
 */
export function sourceFiles() {
  /** @param {string} folder @returns {string[]} */
  const below = (folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (NOT_OURS.has(entry.name)) return [];
      return entry.isDirectory() ? below(path) : [relative(ROOT, path).replaceAll("\\", "/")];
    });
  return below(ROOT).sort();
}
