import { json } from "../memory.js";

/** @typedef {import("../nodes/out-of-traffic.js").OutOfTraffic} OutOfTraffic */

/**
 * Nodes out of traffic that have a model, as far as they told before they went.
 *
 * @param {string} pool
 * @param {(model: string) => boolean} isAsked
 * @returns {string[]} their names
 */
export function outWith(pool, isAsked) {
  /** @type {OutOfTraffic} */
  const nodes = json("out", {});
  for (const key in nodes) {
    const at = key.indexOf("|");
    if (key.slice(0, at) === pool && isAsked(key.slice(at + 1))) return nodes[key] ?? [];
  }
  return [];
}
