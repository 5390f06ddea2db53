/** What requests go by: which nodes have which model, how they are, and how fast. */
import data from "../data.js";
import { number } from "../memory.js";
import { relative, secondsAtFastest, turn } from "./speed.js";
import { isIn, poolNames } from "../pools.js";

/** @typedef {import("./tick.js").Looked} Looked */
/** @typedef {import("./verdict.js").State} State */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("../view.js").ViewedModel} ViewedModel */

const NO_LIMIT = 1e9;

/**
 * @param {readonly Looked[]} all
 * @param {number} now
 * @returns {View}
 */
export function build(all, now) {
  const everywhere = all.map((_, index) => index);
  const { pools } = data;
  const groups = poolNames().map((pool) => {
    const indexes = everywhere.filter((index) => isIn(pool, all[index]?.node));
    return { pool, indexes, speeds: speedsOf(indexes, all, now) };
  });
  const secondsOf = Object.assign({}, ...groups.map(({ speeds }) => speeds.own));
  const [first] = groups;
  return {
    nodes: all.map(({ node: { name, places }, facts }, index) => ({
      name,
      count: `i:${name}`,
      // Where they are not known nodes are compared as if each had one, and nothing is refused.
      places: places ?? 1,
      limit: places === undefined ? NO_LIMIT : places * (1 + data.waitingPerPlace),
      seconds: secondsOf[index] ?? 0,
      turn: places === undefined ? 0 : rounded(turn(name, places)),
      makesRoom: facts.loaded.length > 0,
    })),
    ...ranksOf(everywhere, all, pools ? undefined : first?.speeds.atFastest, now),
    ...(pools
      ? {
          pools: Object.fromEntries(
            groups.map(({ pool, indexes, speeds }) => [
              pool,
              ranksOf(indexes, all, speeds.atFastest, now),
            ]),
          ),
        }
      : {}),
  };
}

/**
 * Seconds that a request takes at nodes of one pool, which are compared with each other only: other pools have other models.
 *
 * @param {readonly number[]} indexes
 * @param {readonly Looked[]} all
 * @param {number} now
 */
function speedsOf(indexes, all, now) {
  const nodes = indexes.map((index) => /** @type {Looked} */ (all[index]));
  const rates = relative(nodes.map((one) => measured(one, now)));
  const atFastest = secondsAtFastest(
    nodes.map(({ node }) => node.name),
    rates,
  );
  /** @type {Record<number, number>} */
  const own = {};
  indexes.forEach((index, at) => {
    own[index] = rounded(atFastest / (rates[at] ?? 1));
  });
  return { atFastest, own };
}

/**
 * Which of some nodes have which model, and how they are.
 *
 * @param {readonly number[]} indexes
 * @param {readonly Looked[]} all
 * @param {number | undefined} seconds that a request takes at the fastest of them; undefined where they are not compared
 * @param {number} now
 */
function ranksOf(indexes, all, seconds, now) {
  const nodes = indexes.map((index) => /** @type {Looked} */ (all[index]));
  /** @type {Pick<View, "models" | "any" | "complete">} */
  const view = {
    // A node may call a model "constructor".
    models: Object.create(null),
    any: empty(),
    complete: nodes.length > 0 && nodes.every(hasTold),
  };
  nodes.forEach((one, at) => {
    const index = /** @type {number} */ (indexes[at]);
    rank(view.any, one, index, one.state === "gone" || one.state === "ok" ? one.state : "ok", true);
    for (const model of new Set([...one.facts.disk, ...one.facts.loaded])) {
      const ranks = (view.models[model] ??= empty());
      const loaded = one.facts.loaded.includes(model);
      rank(ranks, one, index, one.facts.well ? (one.models[model] ?? "ok") : "gone", loaded);
    }
  });
  if (seconds === undefined) return view;
  for (const [model, ranks] of Object.entries(view.models))
    ownSeconds(ranks, model, all, seconds, now);
  return view;
}

/**
 * Whether it is known what a node has. A service without a list may have anything.
 *
 * @param {Looked} one
 */
const hasTold = ({ node, facts }) =>
  facts.seen && (node.kind === "ollama" || facts.disk.length > 0);

/** @returns {ViewedModel} */
const empty = () => ({ loaded: [], disk: [], backup: [], drain: [], doubt: [], gone: [] });

/**
 * @param {ViewedModel} ranks
 * @param {Looked} one
 * @param {number} index
 * @param {State} state
 * @param {boolean} loaded
 */
function rank(ranks, { node }, index, state, loaded) {
  if (state === "gone") ranks.gone.push(index);
  else if (state !== "ok") ranks.doubt.push(index);
  else if (node.drain || node.backup) {
    (node.drain ? ranks.drain : ranks.backup).push(index);
    if (!loaded) (ranks.cold ??= []).push(index);
  } else if (loaded) ranks.loaded.push(index);
  else ranks.disk.push(index);
}

/**
 * @param {Looked} one
 * @param {number} now
 */
function measured({ node, speeds }, now) {
  const known = Object.entries(speeds).filter(([, speed]) => speed > 0);
  const speed = known.reduce((sum, [, one]) => sum + one, 0) / (known.length || 1);
  const latest = Math.max(0, ...known.map(([model]) => number(`sa:${node.name}|${model}`)));
  return {
    speed,
    age: now - latest,
    ...(node.weight === undefined ? {} : { weight: node.weight }),
  };
}

/**
 * Seconds by node for one model, where two nodes at least were measured with it: a node that serves large models
 * is not slow with small ones.
 *
 * @param {ViewedModel} ranks
 * @param {string} model
 * @param {readonly Looked[]} all
 * @param {number} seconds
 * @param {number} now
 */
function ownSeconds(ranks, model, all, seconds, now) {
  const own = ranks.loaded.filter((index) => (all[index]?.speeds[model] ?? 0) > 0);
  if (own.length < 2 || own.length < ranks.loaded.length) return;
  const rates = relative(
    own.map((index) => {
      const { node, speeds } = /** @type {Looked} */ (all[index]);
      return {
        speed: speeds[model] ?? 0,
        age: now - number(`sa:${node.name}|${model}`),
        ...(node.weight === undefined ? {} : { weight: node.weight }),
      };
    }),
  );
  ranks.seconds = Object.fromEntries(
    own.map((index, at) => [index, rounded(seconds / (rates[at] ?? 1))]),
  );
}

/**
 * Two digits: what changes less is no other view.
 *
 * @param {number} value
 */
const rounded = (value) => Number(value.toPrecision(2));

/** Measured seconds that change by less than this part of them are what they were. */
const STEADY = 0.1;

/**
 * Keeps of the last view what has hardly changed: each of a worker's contexts reads every new view anew, which takes as
 * long as all the rest of a request.
 *
 * @param {View} view
 * @param {View | undefined} before
 * @returns {View}
 */
export function steady(view, before) {
  if (!before || before.nodes.some(({ name }, index) => view.nodes[index]?.name !== name))
    return view;
  view.nodes.forEach((node, index) => {
    const { seconds = 0, turn = 0 } = before.nodes[index] ?? {};
    node.seconds = near(node.seconds, seconds);
    node.turn = near(node.turn, turn);
  });
  steadyModels(view, before);
  for (const [pool, own] of Object.entries(view.pools ?? {}))
    steadyModels(own, before.pools?.[pool]);
  return view;
}

/**
 * @param {Pick<View, "models">} view
 * @param {Pick<View, "models"> | undefined} before
 */
function steadyModels({ models }, before) {
  for (const [model, { seconds = {} }] of Object.entries(models)) {
    const last = before?.models[model]?.seconds ?? {};
    for (const [index, own] of Object.entries(seconds))
      seconds[index] = near(own, last[index] ?? 0);
  }
}

/**
 * @param {number} value
 * @param {number} before
 */
const near = (value, before) => (Math.abs(value - before) <= STEADY * before ? before : value);
