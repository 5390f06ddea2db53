/**
 * What the balancer says itself: no node has the model, or all are full. The choice is made when nginx picks a
 * server of the group, where nothing can be answered; so such a request is sent to a server of our own, and its
 * answer gets status and text here. Its own status is 200: any other might make nginx go on to the nodes.
 */

import data from "../data.js";

/**
 * @typedef {object} Refusal
 * @property {number} status
 * @property {string} body JSON in the shape of the API that was called
 * @property {number} [retryAfterSeconds]
 * @property {string} [by] setting of the key that refuses it
 */

/** Route of that server in the group; no node has such a name. */
export const REFUSING = "~";

/**
 * @param {string} uri
 * @param {number} status
 * @param {string} message
 * @param {string} code OpenAI's word for it
 * @param {number} [retryAfterSeconds]
 * @returns {Refusal}
 */
export function refusal(uri, status, message, code, retryAfterSeconds) {
  const body = ascii(shape(uri, status, message, code));
  return {
    status,
    body,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}

/**
 * @param {string} uri
 * @param {number} status
 * @param {string} message
 * @param {string} code
 */
function shape(uri, status, message, code) {
  const { anthropic, openai } = KINDS[status] ?? KINDS[503];
  if (uri.startsWith("/v1/messages")) {
    return { type: "error", error: { type: anthropic, message } };
  }
  if (uri.startsWith("/v1/")) {
    const param = code.startsWith("model_") ? "model" : null;
    return { error: { message, type: openai, param, code } };
  }
  return { error: message };
}

/**
 * Words for a status. Source: Anthropic's and OpenAI's references.
 *
 * @type {Record<number, {anthropic: string, openai: string}> & {503: {anthropic: string, openai: string}}}
 */
const KINDS = {
  401: { anthropic: "authentication_error", openai: "invalid_request_error" },
  403: { anthropic: "permission_error", openai: "invalid_request_error" },
  404: { anthropic: "not_found_error", openai: "invalid_request_error" },
  429: { anthropic: "rate_limit_error", openai: "insufficient_quota" },
  503: { anthropic: "overloaded_error", openai: "server_error" },
};

/**
 * JSON in ASCII, so that its length is the number of its bytes.
 *
 * @param {unknown} value
 */
const ascii = (value) =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Names of models in a message; more would be no help. */
const NAMED_MOST = 20;

/**
 * No node has the model.
 *
 * @param {string} uri
 * @param {string} name
 * @param {import("../view.js").View} view
 * @param {readonly string[]} [only] models that the client may know of
 */
export function unknownModel(uri, name, view, only) {
  const all = Object.keys(view.models)
    .filter((model) => !only || only.includes(model))
    .sort();
  const more = all.length - NAMED_MOST;
  const there = all.slice(0, NAMED_MOST).join(", ") + (more > 0 ? ` and ${more} more` : "");
  const of = view.pool ? ` of pool ${view.pool}` : "";
  const message = `model '${name}' not found: no node${of} has it; there are ${there || "none"}`;
  return refusal(uri, 404, message, "model_not_found");
}

/**
 * All nodes that could answer are full.
 *
 * @param {string} uri
 * @param {number} seconds until a place is expected
 */
export function allBusy(uri, seconds) {
  const retryAfter = Math.max(1, Math.ceil(seconds));
  const message = `server busy: all places are taken; try again in ${retryAfter} s`;
  return refusal(uri, 503, message, "server_busy", retryAfter);
}

/** Seconds within which some of so many end. */
const SOME_SECONDS = 5;

/**
 * nginx has no memory for more requests.
 *
 * @param {string} uri
 */
export function crowded(uri) {
  const message = `server busy: the balancer has ${data.requestsMost} requests in flight, as many as it has memory for; try again`;
  return refusal(uri, 503, message, "server_busy", SOME_SECONDS);
}

/** Seconds until every node has been asked. */
const KNOWN_SECONDS = 5;

/**
 * Not every node has been asked yet.
 *
 * @param {string} uri
 */
export function notKnownYet(uri) {
  const message = "the nodes have not told yet which models they have; try again";
  return refusal(uri, 503, message, "server_busy", KNOWN_SECONDS);
}

/** Seconds within which a node that is back is noticed. */
const NOTICED_SECONDS = 5;

/**
 * The nodes that have the model do not answer.
 *
 * @param {string} uri
 * @param {string} name
 * @param {string[]} nodes
 */
export function allGone(uri, name, nodes) {
  const message = `model '${name}' is on ${nodes.join(", ")} only, and that does not answer at the moment`;
  return refusal(uri, 503, message, "node_unavailable", NOTICED_SECONDS);
}

/**
 * The nodes that have the model get no requests.
 *
 * @param {string} uri
 * @param {string} name
 * @param {string[]} nodes
 */
export function allOut(uri, name, nodes) {
  const message = `model '${name}' is on ${nodes.join(", ")} only, and that is out of traffic: it is being changed, drained, or in maintenance`;
  return refusal(uri, 503, message, "node_unavailable", NOTICED_SECONDS);
}

/**
 * The node that was chosen takes no connection, though it did a moment ago.
 *
 * @param {string} uri
 * @param {string} name
 * @param {string} node
 */
export function notReached(uri, name, node) {
  const message = `node ${node}, which has model '${name}', takes no connection, and the next one has it not; try again`;
  return refusal(uri, 503, message, "node_unavailable", NOTICED_SECONDS);
}

/**
 * Gives the answer of our own server its status and headers.
 *
 * @param {NginxHTTPRequest} r
 * @param {string} text
 */
export function refusalHeaders(r, text) {
  const refused = /** @type {Refusal} */ (JSON.parse(text));
  r.status = refused.status;
  r.headersOut["Content-Length"] = String(refused.body.length);
  ownHeaders(r, refused);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Refusal} refusal
 */
function ownHeaders(r, { status, retryAfterSeconds, by }) {
  r.headersOut["Content-Type"] = "application/json";
  if (retryAfterSeconds !== undefined) r.headersOut["Retry-After"] = String(retryAfterSeconds);
  if (status === 401) r.headersOut["WWW-Authenticate"] = 'Bearer realm="ollama-mesh"';
  // OpenAI's and Anthropic's libraries would try a spent quota again at once.
  if (by !== undefined) r.headersOut["x-should-retry"] = "false";
}

/**
 * Refuses a request that the program answers itself.
 *
 * @param {NginxHTTPRequest} r
 * @param {Refusal} refusal
 */
export function answerRefusal(r, refusal) {
  // For the log.
  r.variables.mesh_refusal = JSON.stringify(refusal);
  ownHeaders(r, refusal);
  r.return(refusal.status, refusal.body);
}
