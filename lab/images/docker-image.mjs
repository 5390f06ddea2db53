// Images of our own in the Docker engine, named by the content of their recipe.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { contentOf, ensureCacheFolder, hashOf } from "../../toolchain/cache.mjs";
import { run } from "../../toolchain/command.mjs";
import { locked } from "../../toolchain/lock.mjs";
import { step } from "../../toolchain/progress.mjs";

/** All images that the lab builds lie below this name. */
export const REPOSITORY = "ollama-mesh-lab";

const IMAGES = import.meta.dirname;

/**
 * @typedef {object} Recipe
 * @property {string} name
 * @property {readonly string[]} sources files and folders here that decide what is in the image
 * @property {(context: string, detail: (text: string) => void) => Promise<void>} prepare
 *   fills the build context, Dockerfile included
 */

/**
 * The reference under which the image of a recipe is kept: other sources, another reference.
 *
 * @param {Recipe} recipe
 */
export function referenceOf({ name, sources }) {
  const inputs = [process.arch, ...contentOf(IMAGES, ...sources, "debian-rootfs.mjs")];
  return `${REPOSITORY}/${name}:${hashOf(inputs)}`;
}

/**
 * Whether the engine holds an image.
 *
 * @param {string} reference
 */
export async function imageExists(reference) {
  const found = await run("docker", ["images", "--quiet", reference]);
  return found.trim() !== "";
}

/**
 * The reference of the recipe's image, built now when the engine does not hold it.
 *
 * @param {Recipe} recipe
 */
export async function builtImage(recipe) {
  const reference = referenceOf(recipe);
  if (await imageExists(reference)) return reference;
  const lock = join(await ensureCacheFolder(), `${reference.replace(/\W/g, "-")}.lock`);
  await locked(lock, async () => {
    if (await imageExists(reference)) return;
    const context = await mkdtemp(join(tmpdir(), `${REPOSITORY}-`));
    try {
      await step(`Build ${reference}`, async (detail) => {
        await recipe.prepare(context, detail);
        // The classic builder: the other one is a plugin that Debian's docker.io does not bring along.
        const env = { ...process.env, DOCKER_BUILDKIT: "0" };
        await run("docker", ["build", "--force-rm", "--tag", reference, context], {
          env,
          onLine: detail,
        });
        // The classic builder keeps the stages that the image was copied from, as images without a name.
        const stages = ["--filter", `label=${REPOSITORY}.stage`];
        await run("docker", ["image", "prune", "--force", ...stages]);
        detail("");
      });
    } finally {
      await rm(context, { recursive: true, force: true });
    }
  });
  return reference;
}
