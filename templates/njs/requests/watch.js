/**
 * js_body_filter. The first piece of an answer proves that the node lives, and tells where nginx really went. After
 * it one stream per node and model is watched token by token; all others leave, so that a token costs them nothing.
 */
import { number, numbers } from "../memory.js";
import { move } from "./places.js";

/** How long nobody else is watched after a token of the watched stream. */
const LEASE_MILLISECONDS = 1000;

/**
 * @param {NginxHTTPRequest & {meshPair?: string}} r
 * @param {string | Uint8Array} piece
 * @param {{last?: boolean}} flags
 */
export function tokens(r, piece, flags) {
  if (r.variables.mesh_refusal) return refused(r);
  // Without flush nginx holds tokens back until they fill a packet.
  r.sendBuffer(piece, { last: flags.last === true, flush: true });
  try {
    seen(r);
  } catch (error) {
    r.done();
    r.error(`a token was not counted: ${String(error)}`);
  }
}

/** @param {NginxHTTPRequest & {meshPair?: string}} r */
function seen(r) {
  const now = Date.now();
  let pair = r.meshPair;
  if (pair === undefined) {
    const node = r.variables.mesh_node;
    const place = r.variables.mesh_place;
    if (!node || !place) {
      r.done();
      return;
    }
    const [held = "", ...rest] = place.slice(1).split("|");
    const model = rest.join("|");
    if (held !== node) {
      move(held, node, model);
      r.variables.mesh_place = `${place[0]}${node}|${model}`;
    }
    pair = r.meshPair = `${node}|${model}`;
    numbers().set(`p:${pair}`, now);
    if (now - number(`k:${pair}`) < LEASE_MILLISECONDS) {
      r.done();
      return;
    }
    r.variables.mesh_watched = pair;
  }
  numbers().set(`k:${pair}`, now);
  numbers().set(`p:${pair}`, now);
}

/**
 * Puts the refusal in place of our own server's text.
 *
 * @param {NginxHTTPRequest & {meshSaid?: boolean}} r
 */
function refused(r) {
  if (r.meshSaid) return;
  r.meshSaid = true;
  const { body } = JSON.parse(r.variables.mesh_refusal ?? "{}");
  r.sendBuffer(body, { last: true, flush: true });
}
