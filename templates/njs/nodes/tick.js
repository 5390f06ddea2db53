/** Every second, in one worker: gives places of killed workers back, measures, judges, and makes the view. */
import fs from "fs";

import { count } from "../counters.js";
import data from "../data.js";
import { factsOf } from "./facts.js";
import { sample } from "../pages/history.js";
import { json, number, numbers, texts } from "../memory.js";
import { heal } from "../requests/places.js";
import { keepUsage } from "../usage/files.js";
import { forgetGone } from "./forget.js";
import { build, steady } from "./build-view.js";
import { measure } from "./speed.js";
import { STATES, judge } from "./verdict.js";
import { show } from "../view.js";

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./verdict.js").State} State */
/** @typedef {import("../../router-data.ts").RoutedNode} RoutedNode */

/** Milliseconds after a verdict's end within which speeds are not believed. */
const SETTLING = 3000;

/** js_periodic. */
export function tick() {
  const { healed, inFlight } = heal(isNginx);
  if (healed > 0) count("mesh_healed_places_total", healed);
  const now = Date.now();
  const all = data.nodes.map((node) => look(node, inFlight, now));
  texts().set(
    "verdicts",
    JSON.stringify(
      Object.fromEntries(all.map(({ node, state, models }) => [node.name, { state, models }])),
    ),
  );
  forgetGone(inFlight);
  show(steady(build(all, now), json("view", undefined)));
  sample(now);
  if (data.keys) keepUsage(now);
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
 * @param {ReadonlyMap<string, number>} inFlight by node with model
 * @param {number} now
 * @returns {Looked}
 */
function look(node, inFlight, now) {
  const facts = factsOf(node.name);
  /** @type {Record<string, State>} */
  const models = Object.create(null);
  /** @type {Record<string, number>} */
  const speeds = Object.create(null);
  for (const model of facts.loaded) {
    const pair = `${node.name}|${model}`;
    numbers().set(`j:${pair}`, inFlight.get(pair) ?? 0);
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
