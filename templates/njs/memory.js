/**
 * What all workers share. The names of the zones end in the number of the layout: nginx takes a zone over at a
 * reload by its name, so another layout needs another name, and the same layout must keep it, or what old workers
 * have in flight would count nowhere.
 *
 * numbers, without expiry (N is a node, M a model, P the pid of a worker); those of N|M go with the model: see nodes/forget.js
 *   view            version of the view
 *   i    i:N        requests in flight at all nodes, and at each; those without a place are at ""
 *   j:N|M           the same, for one model; counted once a second
 *   p:N|M           when it last proved to be alive: first byte, token, end, answered probe
 *   z:N|M           when nothing was in flight for the last time
 *   k:N|M           lease of the stream whose tokens are watched
 *   f:N|M           probes without an answer, in a row
 *   s:N|M  c:N|M    verdict (see verdict.js) and since when
 *   s:N    c:N      state of the node and since when
 *   l:N|M           when a load of the model was caused
 *   b:N|M           when it was listed as loaded and had not been before
 *   w:N|M           seconds of a load as reckoned by the model's size
 *   ln:N   lm:M     how many times those the last load took at a node, and of a model at whichever node
 *   gb: gs: gn:N|M  bytes and seconds of streams, ends; hb: hs: as they were at the last look
 *   sp: sa:N|M      speed in bytes per second, and when it was measured
 *   us: un:N        seconds and number of requests that found a free place
 *   qs: qn: qe:N    seconds between ends while all places were taken, their number, the last such end or when they were
 *   fb: bm: bf:N|M  longest first byte, largest prompt answered, largest under way
 *   bw: fw: wn:N|M  when the last request for an answer in one piece came, the longest of these, their ends
 *   history         turn of the last sample of the counters
 *   tick            when the timer ran for the last time; 0 once nginx was told that it leaves, which leaving has the time of
 *   idle            when an end after which nothing was in flight wrote down what keys have used
 * held, without expiry: P|N|M, the same of one worker: what it had is given back when it is gone
 * texts, without expiry: view, tags, ps, v1, verdicts, config (which serves since when), out (nodes out of traffic), instance, and per node a:N (facts),
 *   t:N (its tags), r:N (its ps)
 * leases, with expiry: probe:N|M, forget, usage
 * sessions, with expiry: hash of a session's key, to the name of a node
 * counters: see counters.js
 * history, without expiry: samples of them, by turn: see history.js
 * usage, without expiry, only where API keys are declared (D is a day, K a key):
 *   r: p: a: e: |D|K|M  requests, prompt tokens, answer tokens, requests whose tokens were estimated
 *   R: T: |D|K          requests and tokens; xR: xT: those of other nginx, by their files, and x|D when these were read
 *   changed, written    number of changes, and how many are in the file; kept|D that old days were removed
 */

/**
 * Zones as objects, kept by each context: nginx makes a new one at every look, which takes five times what reading a
 * number does.
 *
 * @type {{
 *   numbers?: NgxSharedDict<number>,
 *   held?: NgxSharedDict<number>,
 *   texts?: NgxSharedDict<string>,
 *   leases?: NgxSharedDict<number>,
 *   counters?: NgxSharedDict<number>,
 *   sessions?: NgxSharedDict<string> | undefined,
 *   history?: NgxSharedDict<string>,
 *   usage?: NgxSharedDict<number>,
 * }}
 */
const zones = {};

/** @returns {NgxSharedDict<number>} */
export const numbers = () =>
  (zones.numbers ??= /** @type {NgxSharedDict<number>} */ (ngx.shared.mesh_numbers_1));

/** @returns {NgxSharedDict<number>} */
export const held = () =>
  (zones.held ??= /** @type {NgxSharedDict<number>} */ (ngx.shared.mesh_held_1));

/** @returns {NgxSharedDict<string>} */
export const texts = () =>
  (zones.texts ??= /** @type {NgxSharedDict<string>} */ (ngx.shared.mesh_texts_1));

/** @returns {NgxSharedDict<number>} */
export const leases = () =>
  (zones.leases ??= /** @type {NgxSharedDict<number>} */ (ngx.shared.mesh_leases_1));

/** @returns {NgxSharedDict<number>} */
export const counters = () =>
  (zones.counters ??= /** @type {NgxSharedDict<number>} */ (ngx.shared.mesh_counters_2));

/** @returns {NgxSharedDict<string>} */
export const history = () =>
  (zones.history ??= /** @type {NgxSharedDict<string>} */ (ngx.shared.mesh_history_1));

/** @returns {NgxSharedDict<number>} only where API keys are declared */
export const usage = () =>
  (zones.usage ??= /** @type {NgxSharedDict<number>} */ (ngx.shared.mesh_usage_1));

/** @returns {NgxSharedDict<string> | undefined} only where sessions are declared */
export const sessions = () =>
  (zones.sessions ??= /** @type {NgxSharedDict<string> | undefined} */ (
    ngx.shared.mesh_sessions_1
  ));

/**
 * A number, 0 where there is none.
 *
 * @param {string} key
 */
export const number = (key) => numbers().get(key) || 0;

/**
 * JSON from the texts.
 *
 * @template T
 * @param {string} key
 * @param {T} missing what stands for a text that is not there
 * @returns {T}
 */
export function json(key, missing) {
  const text = texts().get(key);
  return text === undefined ? missing : JSON.parse(text);
}
