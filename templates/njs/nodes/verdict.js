/**
 * What is held of a node with a model, by evidence that only the balancer has: whether tokens come.
 *
 *   ok      nothing speaks against it
 *   quiet   has requests, and nothing came for 3 s: asked last, that is all
 *   wedged  probes of one token get nothing, where one must: asked last, and its own health check may restart it
 *   cpu     the model lies less in GPU memory than declared: as wedged
 *
 * A node whose lists do not answer is "gone" (see inventory.js).
 */

/** In the order of their numbers in shared memory. */
export const STATES = /** @type {const} */ (["ok", "quiet", "wedged", "cpu", "gone"]);

/** @typedef {typeof STATES[number]} State */

/** Milliseconds without a token after which a node with requests is quiet. */
export const QUIET = 3000;
/** Probes in a row without an answer after which it is wedged. */
export const PROBES = 2;
/** Milliseconds that a node may be silent with all places taken: at least, and at most, which a load may take as well. */
const PATIENCE = { least: 15_000, most: 300_000 };
/** Ends before anything is known of a node's habits. */
const HABIT = 5;

/**
 * @typedef {object} Evidence of a node with a model; times in milliseconds since the epoch, 0 for never
 * @property {number} now
 * @property {number} inFlight
 * @property {number} proof last first byte, token, end or answered probe
 * @property {number} idle when nothing was in flight for the last time
 * @property {number} failed probes without an answer, in a row
 * @property {State} state so far
 * @property {number} since when
 * @property {number} firstByte longest wait for a first byte of late, in seconds
 * @property {boolean} onCpu
 */

/**
 * The verdict. A suspicion ends by proof only, not because the clients gave up.
 *
 * @param {Evidence} of
 * @returns {State}
 */
export function judge({ now, inFlight, proof, idle, failed, state, since, firstByte, onCpu }) {
  if (onCpu) return "cpu";
  // A node whose prompts take long answers a probe late, too.
  if (failed >= PROBES && now - proof > 2000 * firstByte) return "wedged";
  if (inFlight > 0 && now - Math.max(proof, idle) > QUIET) return "quiet";
  if ((state === "quiet" || state === "wedged") && proof < since) return "quiet";
  return "ok";
}

/**
 * @typedef {object} Habits of a node with a model
 * @property {number} now
 * @property {number} proof
 * @property {number} loadCaused when a request was sent that has to load the model
 * @property {number} ends requests that have ended
 * @property {number} firstByte longest wait of late, in seconds
 * @property {number} largest prompt answered, in bytes
 * @property {number} underWay largest prompt under way
 * @property {number} wholeAsked when the last request for an answer in one piece came that may be under way; 0 for none
 * @property {number} wholeAnswer longest of these of late, in seconds; 0 where none has ended
 */

/**
 * How long silence proves nothing while all places are taken: four times the longest wait of late, more for a
 * larger prompt than usual, and as long as a load may take where one was caused. Answers in one piece (stream: false) are
 * silent from begin to end: four times the longest of them, and as long as a load while none has ended.
 *
 * @param {Habits} of
 * @returns {number} milliseconds
 */
export function patience({
  now,
  proof,
  loadCaused,
  ends,
  firstByte,
  largest,
  underWay,
  wholeAsked,
  wholeAnswer,
}) {
  if (loadCaused > proof || ends < HABIT) return PATIENCE.most;
  const larger = Math.max(1, underWay / Math.max(1000, largest));
  const waits = [PATIENCE.least, 4000 * firstByte * larger];
  if (now - wholeAsked < PATIENCE.most) {
    waits.push(wholeAnswer > 0 ? 4000 * wholeAnswer : PATIENCE.most);
  }
  return Math.min(PATIENCE.most, Math.max(...waits));
}

/**
 * Whether a probe would prove anything now: the node is suspected, or silent with requests, and has a place free for
 * the probe, or has kept silent for longer than patience lasts.
 *
 * @param {{state: State, inFlight: number, silent: number, full: boolean, patience: number}} of
 */
export function worthAProbe({ state, inFlight, silent, full, patience: limit }) {
  if (state === "wedged") return true;
  if (state !== "quiet" && !(inFlight > 0 && silent > QUIET)) return false;
  return !full || silent >= limit;
}
