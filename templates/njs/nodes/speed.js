/** How fast nodes are: bytes of their streams per second, which are tokens times a constant of the model. */
import { number, numbers } from "../memory.js";

/** Less than this was not enough to judge by. */
const LEAST_SECONDS = 0.5;
/** A measured speed moves by (seconds seen / this), half at most: half of it is new after some 14 s of answering. */
const SLOWNESS = 20;
/** After so long a speed that nobody measured drifts to the fastest one's, or a node once slow would never be tried again. */
const STALE_MILLISECONDS = 60_000;
const DRIFT_MILLISECONDS = 600_000;
/** What a request is held to take until some have ended. */
const FIRST_GUESS_SECONDS = 1;

/**
 * The speed of a node with a model, after what ended since the last look.
 *
 * @param {string} pair
 * @param {boolean} trusted false while a node is not well, and as it comes back: streams that were stuck would make it look slow for ever
 * @param {number} now
 * @returns {number} bytes per second; 0 where nothing was measured yet
 */
export function measure(pair, trusted, now) {
  const all = numbers();
  const seconds = number(`gs:${pair}`);
  const bytes = number(`gb:${pair}`);
  if (!trusted) {
    all.set(`hs:${pair}`, seconds);
    all.set(`hb:${pair}`, bytes);
  }
  const newSeconds = seconds - number(`hs:${pair}`);
  if (newSeconds > LEAST_SECONDS) {
    const speed = (bytes - number(`hb:${pair}`)) / newSeconds;
    all.set(`sp:${pair}`, moved(number(`sp:${pair}`), speed, newSeconds));
    all.set(`sa:${pair}`, now);
    all.set(`hs:${pair}`, seconds);
    all.set(`hb:${pair}`, bytes);
  }
  return number(`sp:${pair}`);
}

/**
 * @param {number} old
 * @param {number} speed
 * @param {number} seconds that were seen
 */
export const moved = (old, speed, seconds) =>
  old === 0 ? speed : old + Math.min(0.5, seconds / SLOWNESS) * (speed - old);

/**
 * @typedef {object} Measured
 * @property {number} speed 0 where nothing was measured
 * @property {number} age milliseconds since it was
 * @property {number} [weight] declared
 */

/**
 * Speeds of several nodes on one scale, 1 the fastest. Declared weights are taken as they are; what is measured is
 * put on their scale by the nodes that have both.
 *
 * @param {readonly Measured[]} nodes
 * @returns {number[]}
 */
export function relative(nodes) {
  const top = Math.max(0, ...nodes.map(({ speed }) => speed));
  const both = nodes.filter(({ weight, speed }) => weight !== undefined && speed > 0);
  const declared = nodes.flatMap(({ weight }) => weight ?? []);
  const scale =
    both.length > 0
      ? both.reduce((sum, { weight = 1, speed }) => sum + weight / speed, 0) / both.length
      : Math.max(1, ...declared) / (top || 1);
  const rates = nodes.map(({ weight, speed, age }) => {
    if (weight !== undefined) return weight;
    // Not known: taken for the fastest, so that it is tried, and then known.
    const measured = (speed || top || 1) * scale;
    const stale = Math.min(1, Math.max(0, age - STALE_MILLISECONDS) / DRIFT_MILLISECONDS);
    return measured * (1 - stale) + (top || 1) * scale * stale;
  });
  const fastest = Math.max(...rates);
  return rates.map((rate) => rate / fastest);
}

/**
 * Seconds that a request takes at a node where a place is free, by those that ended; a first guess until then.
 *
 * @param {readonly string[]} nodes
 * @param {readonly number[]} rates relative speeds of them
 */
export function secondsAtFastest(nodes, rates) {
  let seconds = 0;
  let count = 0;
  nodes.forEach((node, index) => {
    seconds += number(`us:${node}`) * (rates[index] ?? 1);
    count += number(`un:${node}`);
  });
  return count === 0 ? FIRST_GUESS_SECONDS : seconds / count;
}

/** Ends after which older ones count half. */
const HALVED_AT = 64;

/**
 * Seconds from one place that becomes free to the next while all are taken; 0 where that is not known.
 *
 * @param {string} node
 * @param {number} places
 */
export function turn(node, places) {
  forget(`us:${node}`, `un:${node}`);
  forget(`qs:${node}`, `qn:${node}`);
  const ends = number(`qn:${node}`);
  if (ends >= 3) return number(`qs:${node}`) / ends;
  const alone = number(`un:${node}`);
  return alone >= 3 ? number(`us:${node}`) / alone / places : 0;
}

/**
 * @param {string} sum
 * @param {string} count
 */
function forget(sum, count) {
  if (number(count) < HALVED_AT) return;
  numbers().set(sum, number(sum) / 2);
  numbers().set(count, number(count) / 2);
}
