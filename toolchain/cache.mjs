// What was built or downloaded once is kept in one folder, named by the content it was made from,
// so that any number of runs and checkouts can share it and it can be deleted at any time.
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { access, constants, mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join, relative, resolve } from "node:path";

import { locked } from "./lock.mjs";

/** Enough of a SHA-256 to keep entries apart and folder names readable. */
const HASH_LENGTH = 16;

/** The folder that holds everything that was built or downloaded. */
export function cacheFolder() {
  const { OLLAMA_MESH_CACHE, XDG_CACHE_HOME } = process.env;
  const said =
    OLLAMA_MESH_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "ollama-mesh");
  return resolve(said); // builds run elsewhere
}

/**
 * The same folder, made now when it is not there.
 *
 * @returns {Promise<string>}
 * @throws {Error} saying what to do, when nothing can be kept in it
 */
export async function ensureCacheFolder() {
  const folder = cacheFolder();
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    const why = /** @type {Error} */ (error).message;
    throw new Error(
      `what is built and downloaded cannot be kept in ${folder} (${why}): set OLLAMA_MESH_CACHE to a folder that can be written`,
      { cause: error },
    );
  }
  return folder;
}

/**
 * One input per file below the given files and folders, in a fixed order: its path and its content.
 *
 * @param {string} root paths are named relative to it, so that the same sources in another folder give the same hash
 * @param {...string} paths
 * @returns {string[]}
 */
export function contentOf(root, ...paths) {
  return paths.flatMap((path) => {
    const full = join(root, path);
    if (!statSync(full).isDirectory()) {
      const digest = createHash("sha256").update(readFileSync(full)).digest("hex");
      return [`${relative(root, full)} ${digest}`];
    }
    return contentOf(
      root,
      ...readdirSync(full)
        .sort()
        .map((name) => join(path, name)),
    );
  });
}

/**
 * A short hash over all inputs.
 *
 * @param {readonly string[]} inputs
 */
export function hashOf(inputs) {
  return createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, HASH_LENGTH);
}

/**
 * Where `built()` keeps the result of these inputs, whether it exists yet or not.
 *
 * @param {string} name
 * @param {readonly string[]} inputs
 */
export function builtFolder(name, inputs) {
  return join(cacheFolder(), `${name}-${hashOf(inputs)}`);
}

/** @param {string} folder */
async function removeUnfinished(folder) {
  for (const name of await readdir(cacheFolder())) {
    if (!name.startsWith(`${basename(folder)}.`) || !name.endsWith(".tmp")) continue;
    await rm(join(cacheFolder(), name), { recursive: true, force: true });
  }
}

/**
 * The folder that `build` filled for exactly these inputs, filling it now when it is not there.
 * It appears whole or not at all; of two runs at the same time one builds and the other waits.
 *
 * @param {string} name what it is, the readable part of the folder's name
 * @param {readonly string[]} inputs everything the result depends on (see `contentOf`)
 * @param {(folder: string) => Promise<void>} build fills the given empty folder
 * @returns {Promise<string>}
 */
export async function built(name, inputs, build) {
  const folder = builtFolder(name, inputs);
  if (existsSync(folder)) return folder;
  await ensureCacheFolder();
  await locked(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    await removeUnfinished(folder); // nobody else builds it now: what is there was left by a killed run
    const unfinished = `${folder}.${randomUUID().slice(0, 8)}.tmp`;
    await mkdir(unfinished);
    try {
      await build(unfinished);
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  return folder;
}
