/** What is kept of models that no node has any more, and of nodes that have gone: over months of reloads it would fill the memory. */
import data from "../data.js";
import { factsOf } from "./facts.js";
import { counters, history, leases, numbers } from "../memory.js";

/** Milliseconds between two looks. */
const EVERY = 60_000;
/** Part of the counters' memory that is kept free: what is counted may go only where it must, as sums over all shrink by it. */
const KEPT_FREE = 1 / 8;
/** Keys of a node with a model: see memory.js. */
const OF_PAIR = /^[a-z]{1,2}:([^|:]+)\|(.*)$/s;

/**
 * A part of the tick.
 *
 * @param {ReadonlyMap<string, number>} inFlight by "node|model": streams of workers that finish have numbers to count by
 */
export function forgetGone(inFlight) {
  if (!leases().add("forget", 1, EVERY)) return;
  const all = numbers();
  const known = knownModels();
  for (const key of all.keys(1_000_000)) {
    const [, node, model] = OF_PAIR.exec(key) ?? [];
    if (node === undefined || model === undefined || (inFlight.get(`${node}|${model}`) ?? 0) > 0)
      continue;
    if (!has(known, node, model)) all.delete(key);
  }
  if (counters().freeSpace() < counters().capacity * KEPT_FREE) forgetCounted(known);
}

/**
 * Models by node; undefined for one that has not told yet.
 *
 * @typedef {Map<string, Set<string> | undefined>} Known
 */

/** @returns {Known} */
const knownModels = () =>
  new Map(
    data.nodes.map(({ name }) => {
      const { seen, disk, loaded } = factsOf(name);
      return [name, seen ? new Set(["", ...disk, ...loaded]) : undefined];
    }),
  );

/**
 * @param {Known} known
 * @param {string} node
 * @param {string} model
 */
const has = (known, node, model) => known.has(node) && known.get(node)?.has(model) !== false;

/** @param {Known} known */
function forgetCounted(known) {
  const all = counters();
  const nodes = [...known.keys()];
  for (const key of all.keys(1_000_000)) {
    const [letter = "", of, model = ""] = key.split("|");
    if (of === undefined) continue;
    const ofNode = "rbdDfF".includes(letter) && of !== "";
    // Beside those of nodes there are those of keys, and of refusals, which no node has had.
    const stays = ofNode ? has(known, of, model) : nodes.some((node) => has(known, node, model));
    if (!stays) all.delete(key);
  }
  // The hour before has larger sums.
  history().clear();
}
