/** Who holds a place at which node. A place is taken when a node is chosen and given back in the log phase, which every request reaches. */
import { held, numbers } from "../memory.js";

/** @typedef {import("./pair.js").Pair} Pair */

/** Requests in flight at all nodes. */
const ALL = "i";

/** Instead of a place: as many requests are in flight as the balancer may have. */
export const CROWDED = -1;

/**
 * Takes a place at a node.
 *
 * @param {Pair} pair
 * @param {number} limit of the node
 * @param {number} [most] at all nodes together; a place that moves is one of them already
 * @returns {number} requests at the node with this one; 0 when another worker took the last place meanwhile; or CROWDED
 * @throws {Error} where no memory is left to note whose it is
 */
export function take({ inFlight, held: ofWorker }, limit, most = Infinity) {
  const all = numbers();
  if (all.incr(ALL, 1) > most) {
    all.incr(ALL, -1);
    return CROWDED;
  }
  const taken = all.incr(inFlight, 1);
  if (taken > limit) {
    release(inFlight);
    return 0;
  }
  try {
    held().incr(ofWorker, 1);
  } catch (error) {
    release(inFlight);
    throw error;
  }
  return taken;
}

/**
 * @param {string} inFlight
 * @returns {number} requests that are still at the node
 */
function release(inFlight) {
  numbers().incr(ALL, -1);
  return numbers().incr(inFlight, -1);
}

/**
 * Gives a place back.
 *
 * @param {Pair} pair
 * @returns {number} requests that are still at the node
 */
export function giveBack({ inFlight, held: ofWorker }) {
  held().incr(ofWorker, -1);
  return release(inFlight);
}

/**
 * Moves a place to the node that answers in fact: nginx went on to another one.
 *
 * @param {Pair} from
 * @param {Pair} to
 */
export function move(from, to) {
  take(to, Infinity);
  giveBack(from);
}

/**
 * Gives back what workers held that are gone: killed, or out of memory. And counts what the others hold, by node with
 * model, which requests need not do then.
 *
 * @param {(pid: string) => boolean} isAlive
 * @returns {{healed: number, inFlight: Map<string, number>}} places given back; requests in flight by "node|model"
 */
export function heal(isAlive) {
  /** @type {Record<string, boolean>} */
  const alive = {};
  /** @type {Map<string, number>} */
  const inFlight = new Map();
  let healed = 0;
  let all = 0;
  for (const [key, count] of held().items(65536)) {
    const cut = key.indexOf("|");
    const pid = key.slice(0, cut);
    const pair = key.slice(cut + 1);
    if ((alive[pid] ??= isAlive(pid))) {
      inFlight.set(pair, (inFlight.get(pair) ?? 0) + count);
      all += count;
      continue;
    }
    const had = held().pop(key) || 0;
    if (had === 0) continue;
    numbers().incr(`i:${pair.slice(0, pair.indexOf("|"))}`, -had);
    healed += had;
  }
  // Counted anew, since workers of a program before this one do not count there.
  numbers().set(ALL, all);
  return { healed, inFlight };
}
