/**
 * What is counted for /metrics, one set for all workers, kept over reloads. A key is the name of the metric, and for
 * those of requests "|node|model|key|status or bucket" after one letter. No client's word ever becomes a label: only
 * models that a node has, and keys that the stack declares.
 */
import { counters } from "./memory.js";

/** Upper bounds of the histograms, in seconds. */
export const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];

/**
 * Counts one. A full zone must cost nobody a request.
 *
 * @param {string} key
 * @param {number} [by]
 */
export function count(key, by = 1) {
  try {
    counters().incr(key, by);
  } catch {
    // Full: what is new is not counted. Sized for 50 nodes with 20 models each.
  }
}

/**
 * Index of the bucket that a duration falls into.
 *
 * @param {number} seconds
 */
export function bucketOf(seconds) {
  let index = 0;
  while (index < BUCKETS.length && seconds > /** @type {number} */ (BUCKETS[index])) index++;
  return index;
}

/**
 * @typedef {object} Ended what is counted of a request
 * @property {string} node "" where none answered
 * @property {string} model "" where it named none that a node has
 * @property {string} key name of the API key
 * @property {string} status
 * @property {number} seconds
 * @property {number | undefined} firstByte
 * @property {number} bytes
 */

/** @param {Ended} ended */
export function countRequest({ node, model, key, status, seconds, firstByte, bytes }) {
  const labels = `|${node}|${model}|${key}`;
  count(`r${labels}|${status}`);
  if (node === "") return;
  count(`d${labels}|${bucketOf(seconds)}`);
  count(`D${labels}`, seconds);
  count(`b${labels}`, bytes);
  if (firstByte === undefined) return;
  count(`f${labels}|${bucketOf(firstByte)}`);
  count(`F${labels}`, firstByte);
}
