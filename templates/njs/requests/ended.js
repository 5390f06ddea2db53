/** $mesh_ended, read in the log phase, which every request reaches: gives the place back, and counts. */
import { count, countRequest } from "../counters.js";
import data from "../data.js";
import { number, numbers } from "../memory.js";
import { measureLoad } from "../nodes/load-seconds.js";
import { pairOf } from "./pair.js";
import { giveBack } from "./places.js";
import { tokensOf } from "../usage/answer-tokens.js";
import { countTokens, dayOf } from "../usage/day.js";
import { writeIfLast } from "../usage/files.js";

/** Shorter ones are no streams that a speed could be told from. */
const STREAM_SECONDS = 0.02;
const STREAM_BYTES = 400;
/**
 * Each of a worker's contexts learns once in so many milliseconds. A context serves one request from its begin to its
 * end, so only shorter ones are left out, and of those only what comes at once after others.
 */
const LEARN_MILLISECONDS = 50;
let learnedAt = 0;
/** Every so many ends the longest wait is forgotten by a tenth. */
const FORGET_EVERY = 16;

/** Status of requests above access.limits, which never come as far as a choice. */
const ABOVE_LIMITS = "429";

const PLACES = Object.fromEntries(data.nodes.map(({ name, places }) => [name, places]));

/**
 * js_set for the access log: why the balancer refused a request, by the status and the setting of its key; "" for every
 * other.
 *
 * @param {import("./watch.js").Watched} r
 */
export function ended(r) {
  try {
    const refused = end(r, r.variables);
    if (data.keys && r.variables.mesh_counted) use(r, r.variables.mesh_counted.slice(1));
    return refused;
  } catch (error) {
    r.error(`the end of a request was not counted: ${String(error)}`);
    return "";
  }
}

/**
 * @param {import("./watch.js").Watched} r
 * @param {NginxVariables} variables
 */
function end(r, variables) {
  const place = variables.mesh_place || "";
  const held = pairOf(place === "" ? "|" : place.slice(1));
  let left = 0;
  if (place !== "") {
    // First of all, so that nothing that fails later keeps a place.
    left = giveBack(held);
    // The next stream is watched.
    if (r.meshTold) numbers().set(held.lease, 0);
  }
  const refusal = held.node === "" ? variables.mesh_refusal : "";
  const node = variables.mesh_node || "";
  const status = variables.status ?? "";
  // Of what nginx refuses by itself only those above access.limits are counted: anybody can make others.
  if (held.node === "" && !refusal && node === "" && status !== ABOVE_LIMITS) return "";
  // Of nodes that were tried one after the other: "0.012, -, 0.003".
  const times = variables.upstream_header_time ?? "";
  const request = {
    pair: held.node === node ? held : pairOf(`${node}|${held.model}`),
    key: data.keys ? (variables.mesh_key ?? "") : "",
    status,
    seconds: Number(variables.request_time),
    firstByte: status === "200" ? firstByte(times) : undefined,
    bytes: Number(variables.body_bytes_sent),
  };
  countRequest(request);
  if (times.includes(", ")) count("mesh_retries_total", times.split(", ").length - 1);
  if (held.node !== "" && node !== "" && request.firstByte !== undefined) {
    const now = Date.now();
    if (now - learnedAt >= LEARN_MILLISECONDS) {
      learnedAt = now;
      learn(request, Number(place[0]), Number(variables.request_length), now);
    }
    queueMoves(node, left, now);
  }
  if (!refusal) return "";
  const { status: refused, by } = JSON.parse(refusal);
  return by === undefined ? String(refused) : `${refused} ${by}`;
}

/**
 * Counts the tokens of a request with an API key.
 *
 * @param {import("./watch.js").Watched} r
 * @param {string} model
 */
function use({ uri, variables, meshAnswer }, model) {
  const now = Date.now();
  if (meshAnswer) {
    const tokens = tokensOf(meshAnswer, {
      uri,
      size: Number(variables.content_length ?? variables.request_length),
      type: variables.sent_http_content_type ?? "",
    });
    countTokens(variables.mesh_key ?? "", dayOf(now), model, tokens);
  }
  writeIfLast(now);
}

/**
 * Seconds to the first byte at the node that answered; undefined where none came.
 *
 * @param {string} times of all nodes that were tried
 */
function firstByte(times) {
  const last = parseFloat(times.slice(times.lastIndexOf(" ") + 1));
  return last >= 0 ? last : undefined;
}

/**
 * What the request tells of its node: that it lives, how fast it is, how long it may be silent.
 *
 * @param {Pick<import("../counters.js").Ended, "pair" | "seconds" | "firstByte" | "bytes">} request
 * @param {number} flags 1 where all places were taken when it came, 2 where its answer came in one piece
 * @param {number} size
 * @param {number} now
 */
function learn({ pair: of, seconds, firstByte = 0, bytes }, flags, size, now) {
  const { name: pair, node, model } = of;
  const all = numbers();
  all.set(`p:${pair}`, now);
  const ends = all.incr(`gn:${pair}`, 1);
  longest(`fb:${pair}`, firstByte, ends);
  if (flags & 2) longest(`fw:${pair}`, seconds, all.incr(`wn:${pair}`, 1));
  if (size > number(`bm:${pair}`)) all.set(`bm:${pair}`, size);
  if (seconds - firstByte > STREAM_SECONDS && bytes > STREAM_BYTES) {
    all.incr(`gb:${pair}`, bytes);
    all.incr(`gs:${pair}`, seconds - firstByte);
  }
  const caused = number(`l:${pair}`);
  if (caused > 0 && now - caused >= seconds * 1000 - 50) {
    measureLoad(node, model, firstByte);
    all.delete(`l:${pair}`);
  }
  if (!(flags & 1)) {
    all.incr(`us:${node}`, seconds);
    all.incr(`un:${node}`, 1);
  }
}

/**
 * Keeps the longest of late.
 *
 * @param {string} key
 * @param {number} seconds
 * @param {number} ends so far
 */
function longest(key, seconds, ends) {
  const before = number(key);
  if (seconds > before) numbers().set(key, seconds);
  else if (ends % FORGET_EVERY === 0) numbers().set(key, before * 0.9);
}

/**
 * While all places stay taken, the time from one end to the next is how fast a queue at the node moves.
 *
 * @param {string} node
 * @param {number} left requests at it that have no end yet
 * @param {number} now
 */
function queueMoves(node, left, now) {
  const places = PLACES[node] ?? Infinity;
  // The end that brought it there has said so.
  if (left < places - 1) return;
  const all = numbers();
  const before = number(`qe:${node}`);
  const still = left >= places;
  // Without a queue the first of several ends would stand for all of them.
  if (before > 0 && still) {
    all.incr(`qs:${node}`, (now - before) / 1000);
    all.incr(`qn:${node}`, 1);
  }
  if (still || before > 0) all.set(`qe:${node}`, still ? now : 0);
}
