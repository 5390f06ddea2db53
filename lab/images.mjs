// The images that the lab's mesh runs.
import { builtImage, imageExists, referenceOf } from "./images/docker-image.mjs";
import { BUILT_IN_MODELS } from "./images/model/built-in-models.mjs";
import { NGINX_IMAGE } from "./images/nginx/nginx-image.mjs";
import { OFFICIAL, officialImagesRefused } from "./images/official-images.mjs";
import { OLLAMA_IMAGE } from "./images/ollama/ollama-image.mjs";

/** A real model that is small enough for any CPU (270 MB), pulled by the mesh itself. */
const SMALL_MODEL = "smollm2:135m";

/**
 * @typedef {object} LabImages
 * @property {string} ollama image reference
 * @property {string} nginx image reference
 * @property {string} model name of the quickest model: in the image when `offline`, else to be pulled
 * @property {readonly string[]} models all models for the mesh; the last one is slow enough to be watched
 * @property {boolean} offline whether these are the lab's own images, Docker Hub being out of reach
 */

/**
 * Makes sure that the engine holds both images: Docker Hub's, else our own, built from Debian packages
 * and Ollama's Go module. Images that were built once are used from then on, so that the network's
 * mood never changes what a mesh runs; `npm run lab:down -- --images` removes them.
 *
 * @returns {Promise<LabImages>}
 */
export async function ensureImages() {
  if (await allThere(Object.values(OFFICIAL))) return official();
  const own = [NGINX_IMAGE, OLLAMA_IMAGE].map(referenceOf);
  if (!(await allThere(own))) {
    const refused = await officialImagesRefused();
    if (!refused) return official();
    console.log("  Docker Hub's images cannot be used here, so the lab builds its own.");
  }
  return {
    nginx: await builtImage(NGINX_IMAGE),
    ollama: await builtImage(OLLAMA_IMAGE),
    ...named(BUILT_IN_MODELS.map(({ gguf }) => gguf.name)),
    offline: true,
  };
}

/** @returns {LabImages} */
function official() {
  return { ...OFFICIAL, ...named([SMALL_MODEL]), offline: false };
}

/** @param {readonly string[]} models */
function named(models) {
  return { model: models[0] ?? "", models };
}

/** @param {readonly string[]} references */
async function allThere(references) {
  const found = await Promise.all(references.map(imageExists));
  return found.every(Boolean);
}
