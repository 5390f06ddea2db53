/** What requests go by: made once a second of all that is known (see build), read by every request. */
import data from "./data.js";
import { numbers, texts } from "./memory.js";

/**
 * @typedef {object} ViewedNode
 * @property {string} name
 * @property {string} count key of its number of requests in flight
 * @property {number} places
 * @property {number} limit requests that may be there, waiting ones included
 * @property {number} seconds that a request takes where it is alone
 * @property {number} turn seconds from one place that becomes free to the next while all are taken; 0 if not known
 * @property {boolean} makesRoom whether it has models loaded, one of which another one may cost its place
 *
 * @typedef {object} ViewedModel the nodes that have it, by their place in the list of nodes
 * @property {number[]} loaded well, and in memory
 * @property {number[]} disk well, and to be loaded first
 * @property {number[]} backup well, used while neither of those is there
 * @property {number[]} drain well, for the sessions that are there
 * @property {number[]} [cold] of these two those that have to load it first; absent for none
 * @property {number[]} doubt silent, wedged or on the CPU
 * @property {number[]} gone not answering at all
 * @property {Record<string, number>} [seconds] that a request for it takes, by node, where that was measured
 *
 * @typedef {object} Asked a model that nodes have
 * @property {string} name the full one
 * @property {ViewedModel} model
 * @property {import("./requests/choose.js").Load} [load] made by the first request that asks for it
 *
 * @typedef {object} View
 * @property {ViewedNode[]} nodes
 * @property {Record<string, ViewedModel>} models
 * @property {ViewedModel} any the same for a request that names no model
 * @property {boolean} complete whether every node has told what it has: only then is a model known to be nowhere
 * @property {string} [pool] whose view it is; absent for that of all nodes
 * @property {Record<string, Pick<View, "models" | "any" | "complete">>} [pools] the same of each pool's nodes, the default one "";
 *   only where pools are declared
 * @property {Map<string, Asked>} [asked] what requests asked for so far, by the names that they wrote: only such that a node
 *   has, so they are few
 * @property {Map<string, string>} [spellings] names of Ollama's models by what all their spellings have in common; made when one
 *   is asked for that is none of the names
 */

/** @type {View | undefined} Kept by each worker's contexts between requests. */
let view;
let version = -1;

/** @type {Record<string, View>} */
let pools = {};

/**
 * The view as it is now; parsed again only when it changed.
 *
 * @returns {View | undefined} undefined until the nodes have been asked for the first time
 */
export function current() {
  const now = numbers().get("view");
  if (now === undefined) return undefined;
  if (now !== version) {
    const text = texts().get("view");
    if (text === undefined) return undefined;
    view = /** @type {View} */ (JSON.parse(text));
    version = now;
    pools = {};
    view.asked = new Map();
    for (const pool in view.pools) {
      const own = { nodes: view.nodes, ...view.pools[pool], pool, asked: new Map() };
      pools[pool] = /** @type {View} */ (own);
    }
  }
  return view;
}

/**
 * The view of a request's pool; without pools that of all nodes.
 *
 * @param {NginxHTTPRequest} r
 * @returns {View | undefined}
 */
export function viewOf(r) {
  const all = current();
  return data.pools && all ? pools[poolOf(r)] : all;
}

/**
 * A request's pool; "" for the default one, and without pools.
 *
 * @param {NginxHTTPRequest} r
 */
export const poolOf = (r) => (data.pools ? r.variables.mesh_pool || "" : "");

/**
 * Shows the view to all requests that follow.
 *
 * @param {View} next
 */
export function show(next) {
  const text = JSON.stringify(next);
  if (texts().get("view") === text) return;
  texts().set("view", text);
  numbers().incr("view", 1);
}

/**
 * The nodes that have a model. Only names that a node has are known, whatever a client writes.
 *
 * @param {View} of
 * @param {string} name
 * @returns {Asked | undefined}
 */
export function lookUp(of, name) {
  const before = of.asked?.get(name);
  if (before) return before;
  if (name === "") return undefined;
  const known = Object.hasOwn(of.models, name) ? name : latest(name);
  if (!Object.hasOwn(of.models, known)) return spelledOtherwise(of, name);
  /** @type {Asked} */
  const found = { name: known, model: /** @type {ViewedModel} */ (of.models[known]) };
  of.asked?.set(name, found);
  return found;
}

/**
 * As Ollama reads names: without a tag it is ":latest".
 *
 * @param {string} name
 */
const latest = (name) =>
  name.indexOf(":", name.lastIndexOf("/") + 1) < 0 ? `${name}:latest` : name;

/**
 * @param {View} of
 * @param {string} name that is none of its models'
 */
function spelledOtherwise(of, name) {
  of.spellings ??= new Map(
    Object.keys(of.models)
      .filter((model) => latest(model) === model)
      .map((model) => [spelling(model), model]),
  );
  const known = of.spellings.get(spelling(name));
  return known === undefined ? undefined : lookUp(of, known);
}

/**
 * What all spellings of a model's name have in common: Ollama looks at no capitals, and adds registry and namespace by itself.
 * Source: Ollama, server/routes.go, getExistingName, and types/model/name.go.
 *
 * @param {string} name
 */
export const spelling = (name) =>
  latest(
    name
      .toLowerCase()
      .replace(/^https?:\/\//, "")
      .replace(/^registry\.ollama\.ai\//, "")
      .replace(/^library\/(?=[^/]+$)/, ""),
  );

/**
 * Names of nodes by their places in the view.
 *
 * @param {View} of
 * @param {readonly number[]} indexes
 */
export const nodesOf = (of, indexes) => indexes.map((index) => of.nodes[index]?.name ?? "");
