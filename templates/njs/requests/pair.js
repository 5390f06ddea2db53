/**
 * A node with a model, and the keys that a request counts by. Each context makes them once: a request needs a dozen, and
 * to put one together takes longer than to count by it.
 */

/**
 * @typedef {object} Pair
 * @property {string} name "node|model"
 * @property {string} node
 * @property {string} model "" for requests that name none
 * @property {string} inFlight key of the node's requests in flight
 * @property {string} held key of this worker's among them, for the model
 * @property {string} proof key of when it last proved to be alive
 * @property {string} lease key of the lease of the stream that is watched
 * @property {Record<string, string>} requests key of their number, by status
 * @property {string} bytes
 * @property {string} seconds key of their sum, and by bucket of their number
 * @property {string[]} secondsIn
 * @property {string} firstByte the same of the time to the first byte
 * @property {string[]} firstByteIn
 */

/** Of them a context keeps so many: some 2 KB each. */
const KEPT_MOST = 64;

/** @type {Map<string, Pair>} */
const pairs = new Map();

/** Of this worker; read at the first request, not before the fork, and kept, since reading it takes 2 us. */
let pid = 0;

/**
 * @param {string} name "node|model"
 * @returns {Pair}
 */
export function pairOf(name) {
  const before = pairs.get(name);
  if (before) return before;
  if (pairs.size >= KEPT_MOST) pairs.clear();
  const cut = name.indexOf("|");
  const node = name.slice(0, cut);
  const pair = {
    name,
    node,
    model: name.slice(cut + 1),
    inFlight: `i:${node}`,
    held: `${(pid ||= process.pid)}|${name}`,
    proof: `p:${name}`,
    lease: `k:${name}`,
    requests: {},
    bytes: `b|${name}`,
    seconds: `D|${name}`,
    secondsIn: [],
    firstByte: `F|${name}`,
    firstByteIn: [],
  };
  pairs.set(name, pair);
  return pair;
}
