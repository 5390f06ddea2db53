/** How long a node takes to load a model: by its size, and by what loads took. */
import data from "../data.js";
import { number, numbers } from "../memory.js";

/** What disks give of large files, at least: one from an NVMe disk is corrected by the first load. */
const BYTES_PER_SECOND = 1e9;
/** Begin of a runner. */
const START_SECONDS = 1;
/** How many times more, or less, than reckoned loads are held to take: a first byte may have waited for others, too. */
const MOST = 10;

/**
 * Notes how large a model is.
 *
 * @param {string} node
 * @param {string} model
 * @param {number | null | undefined} size bytes; not told by all servers that speak as Ollama
 */
export function reckon(node, model, size) {
  numbers().set(
    `w:${node}|${model}`,
    size ? START_SECONDS + size / BYTES_PER_SECOND : data.loadSeconds,
  );
}

/**
 * Notes how long a load took. A small model that took long is no measure for a large one, nor a large one for a small one:
 * what is kept is how many times the reckoned seconds it was.
 *
 * @param {string} node
 * @param {string} model
 * @param {number} seconds
 */
export function measureLoad(node, model, seconds) {
  const times = Math.max(START_SECONDS, seconds) / reckoned(node, model);
  const bounded = Math.min(MOST, Math.max(1 / MOST, times));
  numbers().set(`ln:${node}`, bounded);
  numbers().set(`lm:${model}`, bounded);
}

/**
 * Seconds that a load is expected to take. A node that comes back, or is new, has loaded nothing yet: what the model took
 * elsewhere is nearer than its size alone.
 *
 * @param {string} node
 * @param {string} model
 */
export const loadSeconds = (node, model) =>
  reckoned(node, model) * (number(`ln:${node}`) || number(`lm:${model}`) || 1);

/**
 * @param {string} node
 * @param {string} model
 */
const reckoned = (node, model) => number(`w:${node}|${model}`) || data.loadSeconds;
