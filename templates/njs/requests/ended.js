/** $mesh_ended, read in the log phase, which every request reaches: gives the place back, and counts. */
import { countRequest } from "../counters.js";
import data from "../data.js";
import { number, numbers } from "../memory.js";
import { giveBack } from "./places.js";

/** Shorter ones are no streams that a speed could be told from. */
const STREAM_SECONDS = 0.02;
const STREAM_BYTES = 400;
/** Every so many ends the longest first byte is forgotten by a tenth. */
const FORGET_EVERY = 16;

const PLACES = Object.fromEntries(data.nodes.map(({ name, places }) => [name, places]));

/**
 * js_set for the access log: why the balancer refused a request; "" for every other.
 *
 * @param {NginxHTTPRequest} r
 */
export function ended(r) {
  try {
    const { variables } = r;
    const place = variables.mesh_place ?? "";
    if (place !== "") release(place, variables.mesh_watched);
    const refusal = variables.mesh_refusal;
    const pair = place.slice(1);
    const cut = pair.indexOf("|");
    const request = {
      node: variables.mesh_node ?? "",
      model: pair.slice(cut + 1),
      key: variables.mesh_key ?? "",
      status: variables.status ?? "",
      seconds: Number(variables.request_time ?? 0),
      firstByte: firstByte(variables.upstream_header_time ?? "", variables.status ?? ""),
      bytes: Number(variables.body_bytes_sent ?? 0),
    };
    if (place === "" && !refusal && request.node === "") return "";
    countRequest(request);
    if (place !== "" && request.node !== "" && request.firstByte !== undefined) {
      learn(request, place[0] === "1", Number(variables.request_length ?? 0));
    }
    return refusal ? String(JSON.parse(refusal).status) : "";
  } catch (error) {
    r.error(`the end of a request was not counted: ${String(error)}`);
    return "";
  }
}

/**
 * First of all, so that nothing that fails later keeps a place.
 *
 * @param {string} place
 * @param {string | undefined} watched
 */
function release(place, watched) {
  const pair = place.slice(1);
  const cut = pair.indexOf("|");
  const node = pair.slice(0, cut);
  giveBack(node, pair.slice(cut + 1));
  // The next stream is watched.
  if (watched) numbers().set(`k:${watched}`, 0);
}

/**
 * Seconds to the first byte at the node that answered; undefined where none came.
 *
 * @param {string} times of all nodes that were tried
 * @param {string} status
 */
function firstByte(times, status) {
  const last = times.slice(Math.max(times.lastIndexOf(" "), times.lastIndexOf(",")) + 1);
  return status === "200" && /^\d/.test(last) ? Number(last) : undefined;
}

/**
 * What the request tells of its node: that it lives, how fast it is, how long it may be silent.
 *
 * @param {{node: string, model: string, seconds: number, firstByte?: number | undefined, bytes: number}} request
 * @param {boolean} waited whether all places were taken when it came
 * @param {number} size
 */
function learn({ node, model, seconds, firstByte = 0, bytes }, waited, size) {
  const all = numbers();
  const pair = `${node}|${model}`;
  const now = Date.now();
  const longest = number(`fb:${pair}`);
  if (firstByte > longest) all.set(`fb:${pair}`, firstByte);
  else if (all.incr(`gn:${pair}`, 0) % FORGET_EVERY === 0) all.set(`fb:${pair}`, longest * 0.9);
  if (size > number(`bm:${pair}`)) all.set(`bm:${pair}`, size);
  if (seconds - firstByte > STREAM_SECONDS && bytes > STREAM_BYTES) {
    all.incr(`gb:${pair}`, bytes);
    all.incr(`gs:${pair}`, seconds - firstByte);
  }
  all.incr(`gn:${pair}`, 1);
  all.set(`p:${pair}`, now);
  const caused = number(`l:${pair}`);
  if (caused > 0 && now - caused >= seconds * 1000 - 50) {
    all.set(`L:${node}`, Math.max(1, firstByte));
    all.delete(`l:${pair}`);
  }
  if (!waited) {
    all.incr(`us:${node}`, seconds);
    all.incr(`un:${node}`, 1);
  }
  queueMoves(node, now);
}

/**
 * While all places stay taken, the time from one end to the next is how fast a queue at the node moves.
 *
 * @param {string} node
 * @param {number} now
 */
function queueMoves(node, now) {
  const all = numbers();
  const before = number(`qe:${node}`);
  const still = number(`i:${node}`) >= (PLACES[node] ?? Infinity);
  // Without a queue the first of several ends would stand for all of them.
  if (before > 0 && still) {
    all.incr(`qs:${node}`, (now - before) / 1000);
    all.incr(`qn:${node}`, 1);
  }
  all.set(`qe:${node}`, still ? now : 0);
}
