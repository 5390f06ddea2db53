/** Every second, in one worker: gives places of killed workers back, measures, judges, and makes the view. */
import fs from "fs";

import { count } from "../counters.js";
import data from "../data.js";
import { factsOf } from "./facts.js";
import { number, numbers, texts } from "../memory.js";
import { heal } from "../requests/places.js";
import { measure, relative, secondsAtFastest, turn } from "./speed.js";
import { STATES, judge } from "./verdict.js";
import { show } from "../view.js";

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./verdict.js").State} State */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("../view.js").ViewedModel} ViewedModel */
/** @typedef {import("../../router-data.ts").RoutedNode} RoutedNode */

/** Milliseconds after a verdict's end within which speeds are not believed. */
const SETTLING = 3000;

/** js_periodic. */
export function tick() {
  const healed = heal(isNginx);
  if (healed > 0) count("mesh_healed_places_total", healed);
  const now = Date.now();
  const all = data.nodes.map((node) => look(node, now));
  texts().set(
    "verdicts",
    JSON.stringify(
      Object.fromEntries(all.map(({ node, state, models }) => [node.name, { state, models }])),
    ),
  );
  show(build(all, now));
}

/** @param {string} pid */
function isNginx(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("nginx");
  } catch {
    return false;
  }
}

/**
 * @typedef {object} Looked
 * @property {RoutedNode} node
 * @property {Facts} facts
 * @property {State} state the worst of its models
 * @property {Record<string, State>} models the loaded ones
 * @property {Record<string, number>} speeds measured with them; 0 where not
 */

/**
 * @param {RoutedNode} node
 * @param {number} now
 * @returns {Looked}
 */
function look(node, now) {
  const facts = factsOf(node.name);
  /** @type {Record<string, State>} */
  const models = {};
  /** @type {Record<string, number>} */
  const speeds = {};
  for (const model of facts.loaded) {
    const pair = `${node.name}|${model}`;
    const state = facts.well ? verdict(node, facts, model, now) : "gone";
    const trusted = state === "ok" && now - number(`c:${pair}`) > SETTLING;
    models[model] = state;
    speeds[model] = measure(pair, trusted, now);
  }
  const worst = Math.max(0, ...Object.values(models).map((state) => STATES.indexOf(state)));
  const state = facts.well ? /** @type {State} */ (STATES[worst]) : "gone";
  keepState(node.name, state, now);
  return { node, facts, state, models, speeds };
}

/**
 * @param {RoutedNode} node
 * @param {Facts} facts
 * @param {string} model
 * @param {number} now
 */
function verdict(node, facts, model, now) {
  const pair = `${node.name}|${model}`;
  const inFlight = number(`j:${pair}`);
  // With nothing in flight silence means nothing.
  if (inFlight <= 0 || number(`z:${pair}`) === 0) {
    numbers().set(`z:${pair}`, now);
    numbers().set(`bf:${pair}`, 0);
  }
  const state = data.judged
    ? judge({
        now,
        inFlight,
        proof: number(`p:${pair}`),
        idle: number(`z:${pair}`),
        failed: number(`f:${pair}`),
        state: stateOf(pair),
        since: number(`c:${pair}`),
        firstByte: number(`fb:${pair}`),
        onCpu: (facts.gpuPercent[model] ?? 100) < (node.gpuMinimumPercent ?? 0),
      })
    : "ok";
  keepState(pair, state, now);
  return state;
}

/**
 * The verdict so far.
 *
 * @param {string} of a node, or a node with a model
 */
export const stateOf = (of) => STATES[number(`s:${of}`)] ?? "ok";

/**
 * @param {string} of
 * @param {State} state
 * @param {number} now
 */
function keepState(of, state, now) {
  if (stateOf(of) === state && number(`c:${of}`) > 0) return;
  numbers().set(`s:${of}`, STATES.indexOf(state));
  numbers().set(`c:${of}`, now);
}

/**
 * @param {readonly Looked[]} all
 * @param {number} now
 * @returns {View}
 */
export function build(all, now) {
  const rates = relative(all.map((one) => measured(one, now)));
  const names = all.map(({ node }) => node.name);
  const seconds = secondsAtFastest(names, rates);
  /** @type {View} */
  const view = {
    nodes: all.map(({ node }, index) => ({
      name: node.name,
      places: node.places,
      limit: node.places * (1 + data.waitingPerPlace),
      seconds: rounded(seconds / (rates[index] ?? 1)),
      turn: rounded(turn(node.name, node.places)),
    })),
    models: {},
    any: empty(),
    complete: all.every(({ facts }) => facts.seen),
  };
  all.forEach((one, index) => {
    rank(view.any, one, index, one.state === "gone" || one.state === "ok" ? one.state : "ok", true);
    for (const model of new Set([...one.facts.disk, ...one.facts.loaded])) {
      const ranks = (view.models[model] ??= empty());
      const loaded = one.facts.loaded.includes(model);
      rank(ranks, one, index, one.facts.well ? (one.models[model] ?? "ok") : "gone", loaded);
    }
  });
  for (const [model, ranks] of Object.entries(view.models))
    ownSeconds(ranks, model, all, seconds, now);
  return view;
}

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
  else if (node.drain) ranks.drain.push(index);
  else if (node.backup) ranks.backup.push(index);
  else if (loaded) ranks.loaded.push(index);
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
