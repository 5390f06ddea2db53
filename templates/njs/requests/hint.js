/** $mesh_route: the node that a request should go to, read by nginx when it picks a server of the group, with the body at hand. */
import { anyWillDo, choose, loadPrice, somebody } from "./choose.js";
import { count } from "../counters.js";
import data from "../data.js";
import { number, numbers } from "../memory.js";
import { modelIn } from "./model-name.js";
import { outWith } from "./out-with.js";
import { loadSeconds } from "../nodes/load-seconds.js";
import { pairOf } from "./pair.js";
import { CROWDED, take } from "./places.js";
import { REFUSING, allBusy, allGone, allOut, crowded, unknownModel } from "./refusal.js";
import { nodeOfSession, remember, rememberedNode, sessionKey } from "./session.js";
import { countAsked, dayOf, giveBack, limitsOf } from "../usage/day.js";
import { expired, otherModel, takeToday } from "../usage/quota.js";
import { lookUp, nodesOf, spelling, viewOf } from "../view.js";
import { isWhole } from "./whole-answer.js";

/** @typedef {import("../view.js").View} View */
/** @typedef {import("../view.js").ViewedNode} ViewedNode */
/** @typedef {import("./refusal.js").Refusal} Refusal */

/**
 * Number of nodes of a pool that nginx itself may choose from.
 *
 * @type {Record<string, number>}
 */
const PRIMARIES = {};
for (const { pool = "", backup, drain } of data.nodes) {
  if (!backup && !drain) PRIMARIES[pool] = (PRIMARIES[pool] ?? 0) + 1;
}
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
  const { method } = r;
  const reads = method === "GET" || method === "HEAD";
  const body = reads ? undefined : r.requestBuffer;
  const name = body ? modelIn(body, r) : "";
  // For the log, also before any node was asked.
  r.variables.mesh_model = name.length > NAME_MOST ? name.slice(0, NAME_MOST) : name;
  const view = viewOf(r);
  return data.keys ? byKey(r, view, name, body, reads) : somewhere(r, view, name, body, reads);
}

/**
 * The same for a request with an API key, which may be refused, and counts.
 *
 * @param {NginxHTTPRequest} r
 * @param {View | undefined} view
 * @param {string} name
 * @param {Buffer | undefined} body
 * @param {boolean} reads
 */
function byKey(r, view, name, body, reads) {
  const key = r.variables.mesh_key ?? "";
  const limits = limitsOf(key);
  // Somebody without a key gets as far as its refusal.
  if (!limits) return somewhere(r, view, name, body, reads);
  const may = reads && !r.headersIn["Upgrade"];
  const refused = expired(r) ?? (may ? undefined : otherModel(r, name, view));
  if (refused) return refuse(r, refused);
  if (reads || r.uri === "/api/show") return somewhere(r, view, name, body, reads);
  const now = Date.now();
  const spent = takeToday(r, key, limits, now);
  if (spent) return refuse(r, spent);
  const day = dayOf(now);
  const node = somewhere(r, view, name, body, reads);
  if (node === REFUSING) {
    if (limits.requestsPerDay ?? limits.tokensPerDay) giveBack(key, day);
    return node;
  }
  const model = (view && lookUp(view, name)?.name) ?? "";
  countAsked(key, day, model);
  // For its end: whether its tokens count, and for which model.
  r.variables.mesh_counted = `${data.countTokens || limits.tokensPerDay ? "t" : "r"}${model}`;
  return node;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {View | undefined} view
 * @param {string} name
 * @param {Buffer | undefined} body
 * @param {boolean} reads
 */
function somewhere(r, view, name, body, reads) {
  const node = chosen(r, view, name, body, reads);
  if (node === REFUSING || r.variables.mesh_place) return node;
  if (take(pairOf("|"), Infinity, data.requestsMost) === CROWDED) return refuse(r, crowded(r.uri));
  r.variables.mesh_place = "0|";
  return node;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {View | undefined} view
 * @param {string} name
 * @param {Buffer | undefined} body
 * @param {boolean} reads
 */
function chosen(r, view, name, body, reads) {
  if (!view) return "";
  const found = lookUp(view, name);
  if (!found && name !== "" && view.complete) {
    const asked = spelling(name);
    const out = outWith(view.pool ?? "", (model) => spelling(model) === asked);
    if (out.length > 0) return refuse(r, allOut(r.uri, name, out));
    const only = data.keys ? limitsOf(r.variables.mesh_key)?.models : undefined;
    return refuse(r, unknownModel(r.uri, name, view, only));
  }
  const asked = found ?? { name: "", model: view.any };
  return reads || r.uri === "/api/show"
    ? somebody(view, asked.model)
    : placed(r, view, asked, body);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {View} view
 * @param {import("../view.js").Asked} asked
 * @param {Buffer | undefined} body
 */
function placed(r, view, asked, body) {
  const { name, model } = asked;
  const { session } = data;
  const key = session ? ofPool(sessionKey(r, session, body), view) : "";
  if (session) {
    const cookie = session.cookie === undefined ? "" : r.variables[`cookie_${session.cookie}`];
    const index = nodeOfSession(view, model, cookie || rememberedNode(key), session.bound);
    const node = view.nodes[index];
    const pair = node ? pairOf(`${node.name}|${name}`) : undefined;
    const taken = node && pair ? take(pair, node.limit, data.requestsMost) : 0;
    if (node && pair && taken > 0) {
      if (model.disk.includes(index) || model.cold?.includes(index)) causesLoad(pair);
      return hold(r, node, pair, taken, body, key);
    }
  }
  if (data.choice === "own" && anyWillDo(view, model, PRIMARIES[view.pool ?? ""] ?? 0)) return "";
  const load = (asked.load ??= loadOf(name, numbers()));
  for (let tries = 0; tries < TRIES; tries++) {
    const choice = choose(view, model, load, data.longestWaitSeconds);
    if (choice.kind === "full") return refuse(r, allBusy(r.uri, choice.seconds));
    if (choice.kind === "none") {
      const gone = nodesOf(view, model.gone);
      const drained = nodesOf(view, model.drain);
      if (name === "" || gone.length + drained.length === 0) return "";
      return refuse(r, gone.length > 0 ? allGone(r.uri, name, gone) : allOut(r.uri, name, drained));
    }
    const node = /** @type {ViewedNode} */ (view.nodes[choice.index]);
    const pair = pairOf(`${node.name}|${name}`);
    const taken = take(pair, node.limit, data.requestsMost);
    if (taken === CROWDED) return refuse(r, crowded(r.uri));
    if (taken === 0) continue;
    if (choice.loads || model.cold?.includes(choice.index)) causesLoad(pair);
    return hold(r, node, pair, taken, body, key);
  }
  return "";
}

/**
 * Notes that a request makes its node load the model: till that is done the node is silent, and no probe proves anything.
 *
 * @param {import("./pair.js").Pair} pair
 */
const causesLoad = ({ name }) => void numbers().set(`l:${name}`, Date.now());

/**
 * Each pool has nodes of its own: a client of two of them has a node in each.
 *
 * @param {string} key
 * @param {View} view
 */
const ofPool = (key, { pool = "" }) => (key === "" || pool === "" ? key : `${key}@${pool}`);

/** Whether all places were taken, and whether the answer comes in one piece. */
const FLAGS = ["0", "1", "2", "3"];

/**
 * Notes that a request holds a place, so that the log phase gives it back.
 *
 * @param {NginxHTTPRequest} r
 * @param {ViewedNode} node
 * @param {import("./pair.js").Pair} pair
 * @param {number} taken requests at the node with this one
 * @param {Buffer | undefined} body
 * @param {string} key of its session
 */
function hold(r, node, pair, taken, body, key) {
  const whole = isWhole(r.uri, body);
  r.variables.mesh_place = FLAGS[(taken > node.places ? 1 : 0) + (whole ? 2 : 0)] + pair.name;
  if (whole) numbers().set(`bw:${pair.name}`, Date.now());
  // From here on all its places are taken: the first end tells how fast a queue moves.
  if (taken === node.places) numbers().set(`qe:${node.name}`, Date.now());
  if (data.session) remember(key, node.name, data.session);
  const size = body?.length ?? 0;
  if (size > LARGE_PROMPT && size > number(`bf:${pair.name}`)) {
    numbers().set(`bf:${pair.name}`, size);
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
 * @param {NgxSharedDict<number>} all
 * @returns {import("./choose.js").Load}
 */
const loadOf = (model, all) => ({
  inFlight: ({ count: key }) => all.get(key) || 0,
  loadPrice: (node) => {
    const whole = loadSeconds(node.name, model);
    const begun = number(`l:${node.name}|${model}`);
    // One that is under way is nearly there; one that should be done was not, so it counts in full.
    const left = whole - (Date.now() - begun) / 1000;
    return begun > 0 && left > 0 ? left : loadPrice(node, whole);
  },
  random: Math.random,
});
