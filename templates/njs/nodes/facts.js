/** What a node has told of itself, as kept between polls. */
import { json } from "../memory.js";

/**
 * @typedef {object} Facts of a node
 * @property {boolean} well whether its lists answer
 * @property {boolean} seen whether they ever did
 * @property {number} good answers in a row
 * @property {number} bad failures in a row
 * @property {string[]} disk models
 * @property {string[]} loaded models
 * @property {Record<string, number>} gpuPercent of loaded models: what lies in GPU memory
 * @property {string} version
 * @property {string} error the last one
 */

/** @returns {Facts} */
const UNKNOWN = () => ({
  well: false,
  seen: false,
  good: 0,
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
