/** Clients that stay on a node: by cookie, by a header's value, or by how their messages begin. */
import { number, sessions } from "../memory.js";
import { utf8 } from "./utf8.js";

/** @typedef {import("../view.js").View} View */
/** @typedef {import("../view.js").ViewedModel} ViewedModel */
/** @typedef {import("../../router-data.ts").RouterSession} RouterSession */

/** What stands before the messages: the model and a few options. */
const BEFORE_MESSAGES = 512;

/**
 * What a request's session is known by; "" where it has none.
 *
 * @param {NginxHTTPRequest} r
 * @param {RouterSession} session
 * @param {Buffer | undefined} body
 */
export function sessionKey(r, session, body) {
  const value = session.header === undefined ? undefined : r.headersIn[session.header];
  if (value) return `h${hash(value)}`;
  if (session.prefixBytes === 0 || !body) return "";
  const head = utf8(body, 0, BEFORE_MESSAGES + session.prefixBytes);
  const at = head.search(/"(?:messages|prompt|system|input)"\s*:/);
  return at < 0 ? "" : `p${hash(head.slice(at, at + session.prefixBytes))}`;
}

/**
 * The node that a request's session is on, as an index of the view; -1 where it has none, or where that node can't
 * or should not take it: it is not among those that may answer, or has more than its share already.
 *
 * @param {View} view
 * @param {ViewedModel} model
 * @param {string} node the name that the cookie or the memory gave
 * @param {number} bound
 */
export function nodeOfSession(view, model, node, bound) {
  if (node === "") return -1;
  const index = view.nodes.findIndex(({ name }) => name === node);
  if (index < 0) return -1;
  if (model.drain.includes(index)) return index;
  const candidates = model.loaded.length > 0 ? model.loaded : model.disk;
  if (!candidates.includes(index)) return -1;
  let places = 0;
  let busy = 1;
  for (const other of candidates) {
    const { name, places: count } = /** @type {import("../view.js").ViewedNode} */ (
      view.nodes[other]
    );
    places += count;
    busy += number(`i:${name}`);
  }
  const own = /** @type {import("../view.js").ViewedNode} */ (view.nodes[index]).places;
  const share = Math.max(own, Math.ceil((bound * busy * own) / places));
  return number(`i:${node}`) < share ? index : -1;
}

/** @param {string} key */
export const rememberedNode = (key) => (key === "" ? "" : (sessions()?.get(key) ?? ""));

/**
 * @param {string} key
 * @param {string} node
 * @param {RouterSession} session
 */
export function remember(key, node, session) {
  if (key !== "") sessions()?.set(key, node, session.seconds * 1000);
}

/**
 * Two FNV hashes side by side: short, and no word of a client's lies in memory.
 *
 * @param {string} text
 */
export function hash(text) {
  let one = 0x811c9dc5;
  let two = 0x01000193;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    one = Math.imul(one ^ code, 0x01000193);
    two = Math.imul(two ^ (code + at), 0x85ebca6b);
  }
  return (one >>> 0).toString(36) + (two >>> 0).toString(36);
}
