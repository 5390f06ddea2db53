/**
 * What the balancer says itself: no node has the model, or all are full. The choice is made when nginx picks a
 * server of the group, where nothing can be answered; so such a request is sent to a server of our own, and its
 * answer gets status and text here. Its own status is 200: any other might make nginx go on to the nodes.
 */

/**
 * @typedef {object} Refusal
 * @property {number} status
 * @property {string} body JSON in the shape of the API that was called
 * @property {number} [retryAfterSeconds]
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
  const unknown = status === 404;
  if (uri.startsWith("/v1/messages")) {
    return {
      type: "error",
      error: { type: unknown ? "not_found_error" : "overloaded_error", message },
    };
  }
  if (uri.startsWith("/v1/")) {
    const type = unknown ? "invalid_request_error" : "server_error";
    return { error: { message, type, param: unknown ? "model" : null, code } };
  }
  return { error: message };
}

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
 */
export function unknownModel(uri, name, view) {
  const all = Object.keys(view.models).sort();
  const more = all.length - NAMED_MOST;
  const there = all.slice(0, NAMED_MOST).join(", ") + (more > 0 ? ` and ${more} more` : "");
  const message = `model '${name}' not found: no node has it; there are ${there || "none"}`;
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
 * js_header_filter: gives the answer of our own server its status and headers.
 *
 * @param {NginxHTTPRequest} r
 */
export function headers(r) {
  const text = r.variables.mesh_refusal;
  if (!text) return;
  const { status, body, retryAfterSeconds } = /** @type {Refusal} */ (JSON.parse(text));
  r.status = status;
  r.headersOut["Content-Type"] = "application/json";
  r.headersOut["Content-Length"] = String(body.length);
  if (retryAfterSeconds !== undefined) r.headersOut["Retry-After"] = String(retryAfterSeconds);
}
