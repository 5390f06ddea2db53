/**
 * What is counted for /metrics, one set for all workers, kept over reloads. A key is the name of the metric, and for
 * those of requests a letter and "|node|model|status or bucket", or of those with an API key "|key|model|status". Not
 * all four together: 50 nodes with 20 models and 20 keys would be 20,000 histograms. No client's word ever becomes a
 * label: only models that a node has, and keys that the stack declares.
 *
 *   r requests  b bytes  d D duration, buckets and sum  f F first byte  k K requests and bytes by key
 *   p a prompt and answer tokens by key  e requests whose tokens were estimated
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
    // Full: what is new is not counted. Room for some 16,000: 50 nodes with 20 models each, at 16 a pair.
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
 * @property {import("./requests/pair.js").Pair} pair its node "" where none answered, its model "" where it named none that a
 *   node has
 * @property {string} key name of the API key
 * @property {string} status
 * @property {number} seconds
 * @property {number | undefined} firstByte
 * @property {number} bytes
 */

/** @param {Ended} ended */
export function countRequest({ pair, key, status, seconds, firstByte, bytes }) {
  const all = counters();
  try {
    all.incr((pair.requests[status] ??= `r|${pair.name}|${status}`), 1);
    if (key !== "") {
      all.incr(`k|${key}|${pair.model}|${status}`, 1);
      all.incr(`K|${key}|${pair.model}`, bytes);
    }
    if (pair.node === "") return;
    const bucket = bucketOf(seconds);
    all.incr((pair.secondsIn[bucket] ??= `d|${pair.name}|${bucket}`), 1);
    all.incr(pair.seconds, seconds);
    all.incr(pair.bytes, bytes);
    if (firstByte === undefined) return;
    const first = bucketOf(firstByte);
    all.incr((pair.firstByteIn[first] ??= `f|${pair.name}|${first}`), 1);
    all.incr(pair.firstByte, firstByte);
  } catch {
    // As above.
  }
}
