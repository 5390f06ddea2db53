/** What a node has told of itself, as kept between polls. */
import { json } from "../memory.js";

/**
 * @typedef {object} Facts of a node
 * @property {boolean} well whether its lists answer
 * @property {boolean} seen whether they ever did
 * @property {number} bad failures in a row
 * @property {string[]} disk models
 * @property {string[]} loaded models
 * @property {number} [loading] since when it keeps the list of these waiting, as while it loads one; 0 where it does not
 * @property {Record<string, number>} gpuPercent of loaded models: what lies in GPU memory
 * @property {Record<string, number>} [context] of loaded models: the tokens that a request must ask for, or it is loaded anew
 * @property {string[]} [oneByOne] loaded models of which one request takes all places
 * @property {string} [pool]
 * @property {string} [mesh] name of the mesh that it is; "" for none
 * @property {string} version
 * @property {string} error the last one
 */

/** Polls that must fail in a row until it is believed. One that is answered is believed at once: all its lists came. */
export const FAILED = 2;

/** @returns {Facts} */
const UNKNOWN = () => ({
  well: false,
  seen: false,
  bad: 0,
  disk: [],
  loaded: [],
  gpuPercent: {},
  version: "",
  error: "",
});

/**
 * What is known of a node.
 *
 * @param {string} node
 */
export const factsOf = (node) => json(`a:${node}`, UNKNOWN());

/**
 * Whether all of some nodes have told what they have, or were asked for it in vain: one that is dead since nginx began keeps
 * nobody from the others' lists.
 *
 * @param {readonly {name: string}[]} nodes
 */
export function wereAsked(nodes) {
  const all = nodes.map(({ name }) => factsOf(name));
  return all.some(({ seen }) => seen) && all.every(({ seen, bad }) => seen || bad >= FAILED);
}
