/** Who holds a place at which node. A place is taken when a node is chosen and given back in the log phase, which every request reaches. */
import { held, numbers } from "../memory.js";

/** @typedef {import("./pair.js").Pair} Pair */

/**
 * Takes a place at a node.
 *
 * @param {Pair} pair
 * @param {number} limit
 * @returns {number} requests at the node with this one; 0 when another worker took the last place meanwhile
 * @throws {Error} where no memory is left to note whose it is
 */
export function take({ inFlight, held: ofWorker }, limit) {
  const all = numbers();
  const taken = all.incr(inFlight, 1);
  if (taken > limit) {
    all.incr(inFlight, -1);
    return 0;
  }
  try {
    held().incr(ofWorker, 1);
  } catch (error) {
    all.incr(inFlight, -1);
    throw error;
  }
  return taken;
}

/**
 * Gives a place back.
 *
 * @param {Pair} pair
 * @returns {number} requests that are still at the node
 */
export function giveBack({ inFlight, held: ofWorker }) {
  held().incr(ofWorker, -1);
  return numbers().incr(inFlight, -1);
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
  for (const [key, count] of held().items(65536)) {
    const cut = key.indexOf("|");
    const pid = key.slice(0, cut);
    const pair = key.slice(cut + 1);
    if ((alive[pid] ??= isAlive(pid))) {
      inFlight.set(pair, (inFlight.get(pair) ?? 0) + count);
      continue;
    }
    const had = held().pop(key) || 0;
    if (had === 0) continue;
    numbers().incr(`i:${pair.slice(0, pair.indexOf("|"))}`, -had);
    healed += had;
  }
  return { healed, inFlight };
}
