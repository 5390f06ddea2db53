/** $mesh_route: the node that a request should go to, read by nginx when it picks a server of the group, with the body at hand. */
import { choose, anyWillDo } from "./choose.js";
import { count } from "../counters.js";
import data from "../data.js";
import { number, numbers } from "../memory.js";
import { modelIn } from "./model-name.js";
import { take } from "./places.js";
import { REFUSING, allBusy, allGone, unknownModel } from "./refusal.js";
import { nodeOfSession, remember, rememberedNode, sessionKey } from "./session.js";
import { current, lookUp, nodesOf } from "../view.js";

/** @typedef {import("../view.js").View} View */
/** @typedef {import("../view.js").ViewedModel} ViewedModel */
/** @typedef {import("../view.js").ViewedNode} ViewedNode */
/** @typedef {import("./refusal.js").Refusal} Refusal */

/** Of nodes that nginx itself may choose from. */
const PRIMARIES = data.nodes.filter(({ backup, drain }) => !backup && !drain).length;
/** Names of models in logs are cut here. */
const NAME_MOST = 200;
/** What is longer than this is a large prompt: the node may take its time. */
const LARGE_PROMPT = 1000;
/** Between two workers that both want the last place, the slower one looks again. */
const TRIES = 3;

/**
 * js_set for `sticky route`. "" is no hint: nginx's own method decides, as it does when anything here fails.
 *
 * @param {NginxHTTPRequest} r
 */
export function route(r) {
  try {
    return hint(r);
  } catch (error) {
    count("mesh_route_faults_total");
    r.error(`no hint: ${String(error)}`);
    return "";
  }
}

/** @param {NginxHTTPRequest} r */
function hint(r) {
  const view = current();
  if (!view) return "";
  const reads = r.method === "GET" || r.method === "HEAD";
  const body = reads ? undefined : r.requestBuffer;
  const type = r.headersIn["Content-Type"] ?? "";
  const name = body ? modelIn(body, type, () => r.requestText ?? "") : "";
  r.variables.mesh_model = name.slice(0, NAME_MOST);
  const found = lookUp(view, name);
  if (!found && name !== "" && view.complete) {
    return refuse(r, unknownModel(r.uri, name, view));
  }
  const asked = found ?? { name: "", model: view.any };
  return reads || r.uri === "/api/show"
    ? somebody(view, asked.model)
    : placed(r, view, asked, body);
}

/**
 * For what costs a node nothing: any that is well.
 *
 * @param {View} view
 * @param {ViewedModel} model
 */
function somebody(view, model) {
  for (const rank of [model.loaded, model.disk, model.backup, model.doubt]) {
    const index = rank[Math.floor(Math.random() * rank.length)];
    if (index !== undefined) return view.nodes[index]?.name ?? "";
  }
  return "";
}

/**
 * @param {NginxHTTPRequest} r
 * @param {View} view
 * @param {{name: string, model: ViewedModel}} asked
 * @param {Uint8Array | undefined} body
 */
function placed(r, view, { name, model }, body) {
  const { session } = data;
  const key = session ? sessionKey(r, session, body) : "";
  if (session) {
    const cookie = session.cookie === undefined ? "" : r.variables[`cookie_${session.cookie}`];
    const index = nodeOfSession(view, model, cookie || rememberedNode(key), session.bound);
    const node = view.nodes[index];
    if (node && take(node.name, name, node.limit)) return hold(r, node, name, body, key);
  }
  if (data.choice === "own" && anyWillDo(view, model, PRIMARIES)) return "";
  for (let tries = 0; tries < TRIES; tries++) {
    const choice = choose(view, model, loadOf(name), data.longestWaitSeconds);
    if (choice.kind === "full") return refuse(r, allBusy(r.uri, choice.seconds));
    if (choice.kind === "none") {
      const gone = nodesOf(view, model.gone);
      return name === "" || gone.length === 0 ? "" : refuse(r, allGone(r.uri, name, gone));
    }
    const node = /** @type {ViewedNode} */ (view.nodes[choice.index]);
    if (!take(node.name, name, node.limit)) continue;
    if (choice.loads) numbers().set(`l:${node.name}|${name}`, Date.now());
    return hold(r, node, name, body, key);
  }
  return "";
}

/**
 * Notes that a request holds a place, so that the log phase gives it back.
 *
 * @param {NginxHTTPRequest} r
 * @param {ViewedNode} node
 * @param {string} name
 * @param {Uint8Array | undefined} body
 * @param {string} key of its session
 */
function hold(r, node, name, body, key) {
  const inFlight = number(`i:${node.name}`);
  r.variables.mesh_place = `${inFlight > node.places ? "1" : "0"}${node.name}|${name}`;
  // From here on all its places are taken: the first end tells how fast a queue moves.
  if (inFlight === node.places) numbers().set(`qe:${node.name}`, Date.now());
  if (data.session) remember(key, node.name, data.session);
  const size = body?.length ?? 0;
  if (size > LARGE_PROMPT && size > number(`bf:${node.name}|${name}`)) {
    numbers().set(`bf:${node.name}|${name}`, size);
  }
  return node.name;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Refusal} refusal
 */
function refuse(r, refusal) {
  r.variables.mesh_refusal = JSON.stringify(refusal);
  return REFUSING;
}

/**
 * @param {string} model
 * @returns {import("./choose.js").Load}
 */
const loadOf = (model) => ({
  inFlight: ({ name }) => number(`i:${name}`),
  loadSeconds: ({ name }) => {
    const whole = number(`L:${name}`) || data.loadSeconds;
    const begun = number(`l:${name}|${model}`);
    // One that is under way is nearly there; one that should be done was not, so it counts in full.
    const left = whole - (Date.now() - begun) / 1000;
    return begun > 0 && left > 0 ? left : whole;
  },
  random: Math.random,
});
