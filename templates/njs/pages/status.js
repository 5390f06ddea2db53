/** The state of the whole mesh as JSON: for the status page, and for the command ollama-mesh status. */
import data from "../data.js";
import { certificateEnd } from "./certificate.js";
import { samples, traffic } from "./history.js";
import { json, number } from "../memory.js";
import { factsOf } from "../nodes/facts.js";
import { stateOf } from "../nodes/tick.js";
import { problemsOf } from "./problems.js";
import { away, servedConfig } from "./served.js";
import { current, nodesOf } from "../view.js";

/** @typedef {import("../../router-data.ts").RoutedNode} RoutedNode */
/** @typedef {import("../../status/mesh-status.ts").NodeStatus["models"][number]} NodeModel */
/** @typedef {import("../../status/mesh-status.ts").NodeStatus} NodeStatus */
/** @typedef {import("../../status/mesh-status.ts").RoutedStatus} RoutedStatus */

/**
 * js_content of /status.json. Reads only.
 *
 * @param {NginxHTTPRequest} r
 */
export function status(r) {
  if (r.method !== "GET" && r.method !== "HEAD") {
    r.return(405, JSON.stringify({ error: "reads only" }));
    return;
  }
  r.headersOut["Content-Type"] = "application/json";
  r.headersOut["Cache-Control"] = "no-store";
  r.return(200, JSON.stringify(meshStatus(Date.now())));
}

/**
 * @param {number} now
 * @returns {RoutedStatus}
 */
function meshStatus(now) {
  const view = current();
  const nodes = data.nodes.map((node, index) => nodeStatus(node, view?.nodes[index]?.seconds ?? 0));
  const ofPools = view?.pools ?? { "": { models: view?.models ?? {} } };
  const models = Object.entries(ofPools)
    .flatMap(([pool, { models: own }]) =>
      Object.entries(own).map(([name, ranks]) => ({ name, ranks, pool })),
    )
    .map(({ name, ranks, pool }) => {
      const names = (/** @type {number[]} */ indexes) => (view ? nodesOf(view, indexes) : []);
      const wellKept = new Set(names([...ranks.backup, ...ranks.drain]));
      const inMemory = (/** @type {string} */ node) => factsOf(node).loaded.includes(name);
      return {
        name,
        ...(pool === "" ? {} : { pool }),
        loaded: [...names(ranks.loaded), ...[...wellKept].filter(inMemory)],
        disk: [...names(ranks.disk), ...[...wellKept].filter((node) => !inMemory(node))],
        notWell: names([...ranks.doubt, ...ranks.gone]),
      };
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const hour = traffic(samples(now));
  const end = certificateEnd(now);
  const known = {
    config: servedConfig(),
    nodes,
    models,
    ...(data.pools ? { pools: data.pools } : {}),
    away: away(),
    ...(end > 0 ? { certificateEnd: end } : {}),
    ...(hour ? { traffic: hour } : {}),
  };
  return { format: 1, routing: "models", now, ...known, problems: problemsOf(known, now) };
}

/**
 * @param {RoutedNode} node
 * @param {number} expectedSeconds
 * @returns {NodeStatus}
 */
function nodeStatus({ name, kind, pool, places = 0, backup, drain }, expectedSeconds) {
  const facts = factsOf(name);
  /** @type {{name: string, size?: number}[]} */
  const running = json(`r:${name}`, []);
  /** @param {string} model */
  const modelOf = (model) => {
    if (!facts.loaded.includes(model)) return { name: model, loaded: false };
    const bytes = running.find((one) => one.name === model)?.size;
    const gpu = facts.gpuPercent[model];
    const speed = number(`sp:${name}|${model}`);
    return {
      name: model,
      loaded: true,
      state: stateOf(`${name}|${model}`),
      ...(bytes === undefined ? {} : { bytes }),
      ...(gpu === undefined ? {} : { gpuPercent: Math.round(gpu) }),
      ...(speed > 0 ? { bytesPerSecond: Math.round(speed) } : {}),
    };
  };
  /** @type {NodeModel[]} */
  const models = [...new Set([...facts.loaded, ...facts.disk])].map(modelOf);
  const speeds = models.flatMap(({ bytesPerSecond }) => bytesPerSecond ?? []);
  return {
    name,
    kind,
    ...(pool === undefined ? {} : { pool }),
    state: facts.seen || facts.bad > 0 ? stateOf(name) : "unknown",
    since: number(`c:${name}`),
    error: facts.well ? "" : facts.error,
    version: facts.version,
    backup: backup === true,
    drain: drain === true,
    inFlight: Math.max(0, number(`i:${name}`)),
    places,
    expectedSeconds,
    bytesPerSecond: Math.round(speeds.reduce((sum, one) => sum + one, 0) / (speeds.length || 1)),
    models: models.sort((one, other) => (one.name < other.name ? -1 : 1)),
  };
}
