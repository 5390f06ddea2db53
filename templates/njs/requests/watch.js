/**
 * js_header_filter and js_body_filter. The begin of an answer proves that the node lives, and tells where nginx really
 * went. After it one stream per node and model is watched token by token; all others leave, so that a token costs them
 * nothing, but for those of API keys whose tokens are counted: what they used stands at their end.
 */
import data from "../data.js";
import { numbers } from "../memory.js";
import { pairOf } from "./pair.js";
import { move } from "./places.js";
import { notReached, refusalHeaders } from "./refusal.js";
import { keepPiece, newAnswer } from "../usage/answer-tokens.js";
import { lookUp, viewOf } from "../view.js";

/** How long nobody else is watched after a token of the watched stream. */
const LEASE_MILLISECONDS = 1000;

/** How often a watched stream says that it goes on. */
const TOLD_MILLISECONDS = 100;

/** Ollama's headers come with its first token; other servers may send theirs before they have one. */
const SERVICES = new Set(data.nodes.flatMap(({ name, kind }) => (kind === "service" ? name : [])));

/**
 * @typedef {NginxHTTPRequest & {
 *   meshPair?: import("./pair.js").Pair | undefined,
 *   meshProvedAt?: number,
 *   meshTold?: boolean,
 *   meshSaid?: boolean,
 *   meshAnswer?: import("../usage/answer-tokens.js").Answer,
 * }} Watched
 */

/**
 * js_header_filter.
 *
 * @param {Watched} r
 */
export function headers(r) {
  try {
    const { variables } = r;
    const place = variables.mesh_place;
    if (data.keys && variables.mesh_counted?.[0] === "t" && r.status === 200) {
      r.meshAnswer = newAnswer();
    }
    if (place) begins(r, variables, place);
    else if (variables.mesh_refusal) refusalHeaders(r, variables.mesh_refusal);
    else leave(r);
  } catch (error) {
    leave(r);
    r.error(`the begin of an answer was not counted: ${String(error)}`);
  }
}

/**
 * Its tokens prove nothing any more.
 *
 * @param {Watched} r
 */
function leave(r) {
  if (r.meshPair) r.meshPair = undefined;
  if (!r.meshAnswer) r.done();
}

/**
 * @param {Watched} r
 * @param {NginxVariables} variables
 * @param {string} place
 */
function begins(r, variables, place) {
  const node = variables.mesh_node;
  let pair = pairOf(place.slice(1));
  if (!node || pair.node === "") {
    leave(r);
    return;
  }
  if (pair.node !== node) {
    const chosen = pair;
    pair = pairOf(`${node}|${chosen.model}`);
    move(chosen, pair);
    variables.mesh_place = `${place[0]}${pair.name}`;
    if (r.status === 404 && lacks(viewOf(r), node, chosen.model)) {
      variables.mesh_refusal = JSON.stringify(notReached(r.uri, chosen.model, chosen.node));
      refusalHeaders(r, variables.mesh_refusal);
      return;
    }
  }
  if (SERVICES.has(node)) r.meshPair = pair;
  else if (proves(r, pair)) r.meshPair = pair;
  else leave(r);
}

/**
 * Whether a node is none of those that have a model: nginx goes on to one where that of its choice takes no connection,
 * and its word that there is no such model would be the last.
 *
 * @param {import("../view.js").View | undefined} view
 * @param {string} node
 * @param {string} name
 */
function lacks(view, node, name) {
  const model = view && lookUp(view, name)?.model;
  if (!model) return false;
  const { loaded, disk, backup, drain, doubt, gone } = model;
  const index = view.nodes.findIndex((one) => one.name === node);
  return ![loaded, disk, backup, drain, doubt, gone].some((rank) => rank.includes(index));
}

/**
 * @param {Watched} r
 * @param {import("./pair.js").Pair} pair
 * @returns {boolean} whether it is watched: no other one is
 */
function proves(r, { proof, lease }) {
  const now = Date.now();
  const all = numbers();
  all.set(proof, now);
  if (now - (all.get(lease) || 0) < LEASE_MILLISECONDS) return false;
  all.set(lease, now);
  r.meshProvedAt = now;
  return true;
}

/**
 * js_body_filter.
 *
 * @param {Watched} r
 * @param {string | Uint8Array} piece
 * @param {{last?: boolean}} flags
 */
export function tokens(r, piece, flags) {
  const pair = r.meshPair;
  const answer = r.meshAnswer;
  if (answer) keepPiece(answer, /** @type {Uint8Array} */ (piece), flags.last === true);
  else if (pair === undefined) {
    instead(r, piece, flags);
    return;
  }
  if (pair === undefined) {
    // As it came, flushed too: told so again it takes longer.
    r.sendBuffer(piece);
    return;
  }
  // Without flush nginx holds tokens back until they fill a packet.
  r.sendBuffer(piece, { last: flags.last === true, flush: true });
  try {
    if (r.meshProvedAt === undefined) {
      if (!proves(r, pair)) leave(r);
      return;
    }
    const now = Date.now();
    if (now - r.meshProvedAt < TOLD_MILLISECONDS) return;
    r.meshProvedAt = now;
    // Its end lets another one be watched at once; after a shorter one the lease runs out by itself.
    r.meshTold = true;
    numbers().set(pair.lease, now);
    numbers().set(pair.proof, now);
  } catch (error) {
    leave(r);
    r.error(`a token was not counted: ${String(error)}`);
  }
}

/**
 * Puts a refusal in place of our own server's text.
 *
 * @param {Watched} r
 * @param {string | Uint8Array} piece
 * @param {{last?: boolean}} flags
 */
function instead(r, piece, flags) {
  const refusal = r.variables.mesh_refusal;
  if (!refusal) {
    r.sendBuffer(piece, { last: flags.last === true, flush: true });
    r.done();
    return;
  }
  if (r.meshSaid) return;
  r.meshSaid = true;
  r.sendBuffer(JSON.parse(refusal).body, { last: true, flush: true });
}
