/** Which node: the one where the request is expected to end first. Pure; what is in flight is asked for. */

/** How much worse a second in a node's queue is than one of answering. Simulated over 100 seeds: 1.5 to 3 are equal in p95, 2.5 best in p50 among those. */
const QUEUE_FACTOR = 2.5;
/** A full node counts as so much slower than an empty one: keeps equally fast nodes evenly loaded. */
const CROWD = 0.25;
/**
 * A load at a node that has models loaded counts so many times, with an answer: the node serves nobody meanwhile, and the
 * model that made room is loaded again soon. Simulated with Ollama's own queue, 3 models on 2 nodes with room for 2: at 1
 * 16 to 22 % of the requests load, and queues grow without end; at 5 it is 0 to 4 %. The price: a model whose share goes
 * from 5 to 90 % at once gets its second node later (mean of the hours 8 s instead of 4).
 */
const ROOM_FACTOR = 5;
/**
 * At a node that has nothing loaded it takes nobody's place, and those that follow find the model there: a quarter. In full, a
 * node that came back without its model stood idle beside queues of 2 s, because a load had taken 10 once.
 */
const EMPTY_FACTOR = 0.25;
/** Candidates that are looked at: half a microsecond each. */
const LOOKED_AT = 16;

/** @typedef {import("../view.js").View} View */
/** @typedef {import("../view.js").ViewedModel} ViewedModel */
/** @typedef {import("../view.js").ViewedNode} ViewedNode */

/**
 * @typedef {object} Load what the choice depends on
 * @property {(node: ViewedNode) => number} inFlight
 * @property {(node: ViewedNode) => number} loadPrice seconds that its loading of the model counts, see loadPrice
 * @property {() => number} random
 */

/**
 * Expected seconds until a request ends at a node.
 *
 * @param {number} seconds that it takes there alone
 * @param {number} places
 * @param {number} inFlight without it
 */
export function expectedEnd(seconds, places, inFlight) {
  const ahead = inFlight + 1 - places;
  return ahead > 0
    ? seconds * (1 + CROWD + (QUEUE_FACTOR * ahead) / places)
    : seconds * (1 + (CROWD * inFlight) / places);
}

/**
 * Expected seconds in a node's queue, by how fast its places become free; 0 where one is free or nothing is known.
 *
 * @param {ViewedNode} node
 * @param {number} inFlight
 */
export function expectedWait(node, inFlight) {
  const ahead = inFlight + 1 - node.places;
  return ahead > 0 ? ahead * node.turn : 0;
}

/**
 * The longest wait that a node's queue may promise. Requests that came together end together, and whoever just misses
 * them waits for a whole answer more than by the turns: so it is what is allowed, in whole answers. Where not even one
 * fits, turns are all there is to go by.
 *
 * @param {ViewedNode} node
 * @param {number} longestWait seconds that are allowed
 */
export function longestPromise(node, longestWait) {
  const answer = node.turn * node.places;
  return answer > 0 && answer <= longestWait
    ? answer * Math.floor(longestWait / answer)
    : longestWait;
}

/**
 * How many seconds a load counts.
 *
 * @param {ViewedNode} node
 * @param {number} seconds that it takes
 */
export const loadPrice = (node, seconds) =>
  node.makesRoom ? ROOM_FACTOR * (seconds + node.seconds) : EMPTY_FACTOR * seconds;

/**
 * @typedef {{kind: "node", index: number, loads: boolean}
 *   | {kind: "full", seconds: number}
 *   | {kind: "none"}} Choice
 */

/**
 * Chooses among the nodes that have a model: loaded and on disk weighed against each other, then backups, then
 * those in doubt.
 *
 * @param {View} view
 * @param {ViewedModel} model
 * @param {Load} load
 * @param {number} longestWait seconds in a queue above which a node counts as full
 * @returns {Choice} full with the seconds after which a place is expected
 */
export function choose(view, model, load, longestWait) {
  best.index = -1;
  best.end = NEVER;
  best.loads = false;
  best.soonest = NEVER;
  if (model.loaded.length > 0) among(view, model, model.loaded, load, longestWait);
  if (model.disk.length > 0) among(view, model, model.disk, load, longestWait);
  if (best.index < 0) {
    among(view, model, model.backup, load, longestWait);
    // Where all others are only full, one in doubt would make it worse.
    if (best.index < 0 && best.soonest === NEVER) {
      among(view, model, model.doubt, load, longestWait);
    }
  }
  if (best.index >= 0) return { kind: "node", index: best.index, loads: best.loads };
  return best.soonest === NEVER ? { kind: "none" } : { kind: "full", seconds: best.soonest };
}

const NEVER = Infinity;

/** The best so far. One for all requests, which choose one after the other: a new one takes as long as a look at a node. */
const best = { index: -1, end: NEVER, loads: false, soonest: NEVER };

/**
 * Takes over the best of some candidates, where it is better than the best so far.
 *
 * @param {View} view
 * @param {ViewedModel} model
 * @param {readonly number[]} candidates one of its ranks
 * @param {Load} load
 * @param {number} longestWait
 */
function among(view, model, candidates, load, longestWait) {
  const { nodes } = view;
  const count = candidates.length;
  const onDisk = candidates === model.disk;
  const own = model.seconds;
  let at = count > 1 ? Math.floor(load.random() * count) : 0;
  for (let looks = Math.min(count, LOOKED_AT); looks > 0; looks--) {
    const index = /** @type {number} */ (candidates[at]);
    at = at + 1 < count ? at + 1 : 0;
    const node = /** @type {ViewedNode} */ (nodes[index]);
    const { places } = node;
    const inFlight = load.inFlight(node);
    if (inFlight >= places) {
      const wait = expectedWait(node, inFlight);
      if (inFlight >= node.limit || wait > longestPromise(node, longestWait)) {
        best.soonest = Math.min(best.soonest, wait || node.seconds);
        continue;
      }
    }
    const seconds = own?.[index] ?? node.seconds;
    const end = expectedEnd(seconds, places, inFlight) + (onDisk ? load.loadPrice(node) : 0);
    if (end < best.end) {
      best.index = index;
      best.end = end;
      best.loads = onDisk;
    }
  }
}

/**
 * Whether nginx's own method can't go wrong: every node that it may choose is well and has the model.
 *
 * @param {View} view
 * @param {ViewedModel} model
 * @param {number} primaries number of nodes that nginx chooses from
 */
export const anyWillDo = (view, model, primaries) =>
  model.loaded.length + model.disk.length === primaries;

/**
 * For what costs a node nothing: any that is well.
 *
 * @param {View} view
 * @param {ViewedModel} model
 */
export function somebody(view, model) {
  for (const rank of [model.loaded, model.disk, model.backup, model.doubt, model.drain]) {
    const index = rank[Math.floor(Math.random() * rank.length)];
    if (index !== undefined) return view.nodes[index]?.name ?? "";
  }
  return "";
}
