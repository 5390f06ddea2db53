/** Who holds a place at which node. A place is taken when a node is chosen and given back in the log phase, which every request reaches. */
import { held, numbers } from "../memory.js";

/** Of this worker; read at the first request, not before the fork, and kept, since reading it takes 2 us. */
let pid = 0;

/**
 * Takes a place at a node.
 *
 * @param {string} node
 * @param {string} model "" for a request that names none
 * @param {number} limit
 * @returns {boolean} false when another worker took the last one meanwhile
 */
export function take(node, model, limit) {
  const all = numbers();
  if (all.incr(`i:${node}`, 1) > limit) {
    all.incr(`i:${node}`, -1);
    return false;
  }
  all.incr(`j:${node}|${model}`, 1);
  held().incr(`${(pid ||= process.pid)}|${node}|${model}`, 1);
  return true;
}

/**
 * Gives a place back.
 *
 * @param {string} node
 * @param {string} model
 */
export function giveBack(node, model) {
  const all = numbers();
  all.incr(`i:${node}`, -1);
  all.incr(`j:${node}|${model}`, -1);
  held().incr(`${(pid ||= process.pid)}|${node}|${model}`, -1);
}

/**
 * Moves a place to the node that answers in fact: nginx went on to another one.
 *
 * @param {string} from
 * @param {string} to
 * @param {string} model
 */
export function move(from, to, model) {
  giveBack(from, model);
  take(to, model, Infinity);
}

/**
 * Gives back what workers held that are gone: killed, or out of memory.
 *
 * @param {(pid: string) => boolean} isAlive
 * @returns {number} places given back
 */
export function heal(isAlive) {
  const all = numbers();
  /** @type {Record<string, boolean>} */
  const alive = {};
  let healed = 0;
  for (const key of held().keys(65536)) {
    const [pid = "", node = "", ...model] = key.split("|");
    if ((alive[pid] ??= isAlive(pid))) continue;
    const had = held().pop(key) || 0;
    if (had === 0) continue;
    all.incr(`i:${node}`, -had);
    all.incr(`j:${node}|${model.join("|")}`, -had);
    healed += had;
  }
  return healed;
}
