// Debian packages that a step needs on this machine: installed when we may, else named.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import { CommandError, run } from "../toolchain/command.mjs";
import { step } from "../toolchain/progress.mjs";

/**
 * @typedef {object} Need
 * @property {string | readonly string[]} has a program (looked up on PATH) or absolute file, or several of
 *   them: any one shows that the package is there
 * @property {string} apt the Debian package that brings it
 */

/**
 * Installs the packages of all needs that are not met. Does nothing, at once, when all are.
 *
 * @param {string} purpose what they are for, in the words of the user
 * @param {readonly Need[]} needs
 * @throws {Error} naming the packages, when this user cannot install them
 */
export async function ensureAptPackages(purpose, needs) {
  const packages = needs.filter(({ has }) => ![has].flat().some(isThere)).map(({ apt }) => apt);
  if (packages.length === 0) return;
  const list = packages.join(" ");
  if (!isThere("apt-get")) {
    throw new Error(
      `${purpose} needs ${list}, as these are called in Debian, and there is no apt-get here to install them with.\n` +
        "Install them with your system's package manager and run this again.",
    );
  }
  if (process.getuid?.() !== 0) {
    throw new Error(
      `${purpose} needs packages that only root can install. Run this first:\n` +
        `  sudo apt-get update && sudo apt-get install --no-install-recommends ${list}`,
    );
  }
  await step(`Install ${list} (for: ${purpose})`, async (detail) => {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const install = ["install", "--yes", "--no-install-recommends", ...packages];
    try {
      await run("apt-get", ["update"], { env, onLine: detail });
      await run("apt-get", install, { env, onLine: detail });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      throw new Error(
        `apt could not install ${list}. Mend what it says, or install them by hand.\n${error.message}`,
        { cause: error },
      );
    }
  });
}

/**
 * Whether a program is on PATH, or an absolute file exists.
 *
 * @param {string} name
 */
export function isThere(name) {
  if (name.startsWith("/")) return existsSync(name);
  // A user's PATH often lacks the sbin folders, where dockerd and the like are.
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => folder !== "" && existsSync(join(folder, name)));
}
