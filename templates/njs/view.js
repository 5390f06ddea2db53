/** What requests go by: made once a second of all that is known (see build), read by every request. */
import { numbers, texts } from "./memory.js";

/**
 * @typedef {object} ViewedNode
 * @property {string} name
 * @property {number} places
 * @property {number} limit requests that may be there, waiting ones included
 * @property {number} seconds that a request takes where it is alone
 * @property {number} turn seconds from one place that becomes free to the next while all are taken; 0 if not known
 *
 * @typedef {object} ViewedModel the nodes that have it, by their place in the list of nodes
 * @property {number[]} loaded well, and in memory
 * @property {number[]} disk well, and to be loaded first
 * @property {number[]} backup well, used while neither of those is there
 * @property {number[]} drain well, for the sessions that are there
 * @property {number[]} doubt silent, wedged or on the CPU
 * @property {number[]} gone not answering at all
 * @property {Record<string, number>} [seconds] that a request for it takes, by node, where that was measured
 *
 * @typedef {object} View
 * @property {ViewedNode[]} nodes
 * @property {Record<string, ViewedModel>} models
 * @property {ViewedModel} any the same for a request that names no model
 * @property {boolean} complete whether every node has told what it has: only then is a model known to be nowhere
 */

/** @type {View | undefined} Kept by each worker's contexts between requests. */
let view;
let version = -1;

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
  }
  return view;
}

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
 * @returns {{name: string, model: ViewedModel} | undefined}
 */
export function lookUp(of, name) {
  if (name === "") return undefined;
  for (const known of [name, latest(name)]) {
    if (Object.hasOwn(of.models, known)) {
      return { name: known, model: /** @type {ViewedModel} */ (of.models[known]) };
    }
  }
  return undefined;
}

/**
 * As Ollama reads names: without a tag it is ":latest".
 *
 * @param {string} name
 */
const latest = (name) =>
  name.indexOf(":", name.lastIndexOf("/") + 1) < 0 ? `${name}:latest` : name;

/**
 * Names of nodes by their places in the view.
 *
 * @param {View} of
 * @param {readonly number[]} indexes
 */
export const nodesOf = (of, indexes) => indexes.map((index) => of.nodes[index]?.name ?? "");
