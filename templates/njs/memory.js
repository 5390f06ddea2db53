/**
 * What all workers share. The names of the zones end in the number of the layout: nginx takes a zone over at a
 * reload by its name, so another layout needs another name, and the same layout must keep it, or what old workers
 * have in flight would count nowhere.
 *
 * numbers, without expiry (N is a node, M a model, P the pid of a worker):
 *   view            version of the view
 *   i:N             requests in flight at a node
 *   j:N|M           the same, for one model
 *   p:N|M           when it last proved to be alive: first byte, token, end, answered probe
 *   z:N|M           when nothing was in flight for the last time
 *   k:N|M           lease of the stream whose tokens are watched
 *   f:N|M           probes without an answer, in a row
 *   s:N|M  c:N|M    verdict (see verdict.js) and since when
 *   s:N    c:N      state of the node and since when
 *   l:N|M           when a load of the model was caused
 *   L:N             measured seconds of a load
 *   gb: gs: gn:N|M  bytes and seconds of streams, ends; hb: hs: as they were at the last look
 *   sp: sa:N|M      speed in bytes per second, and when it was measured
 *   us: un:N        seconds and number of requests that found a free place
 *   qs: qn: qe:N    seconds between ends while all places were taken, their number, the last such end or when they were
 *   fb: bm: bf:N|M  longest first byte, largest prompt answered, largest under way
 * held, without expiry: P|N|M, the same of one worker: what it had is given back when it is gone
 * texts, without expiry: view, tags, ps, v1, verdicts, and per node a:N (facts), t:N (its tags), r:N (its ps)
 * leases, with expiry: probe:N|M
 * sessions, with expiry: hash of a session's key, to the name of a node
 * counters: see counters.js
 */

/** @returns {NgxSharedDict<number>} */
export const numbers = () => /** @type {NgxSharedDict<number>} */ (ngx.shared.mesh_numbers_1);

/** @returns {NgxSharedDict<number>} */
export const held = () => /** @type {NgxSharedDict<number>} */ (ngx.shared.mesh_held_1);

/** @returns {NgxSharedDict<string>} */
export const texts = () => /** @type {NgxSharedDict<string>} */ (ngx.shared.mesh_texts_1);

/** @returns {NgxSharedDict<number>} */
export const leases = () => /** @type {NgxSharedDict<number>} */ (ngx.shared.mesh_leases_1);

/** @returns {NgxSharedDict<number>} */
export const counters = () => /** @type {NgxSharedDict<number>} */ (ngx.shared.mesh_counters_1);

/** @returns {NgxSharedDict<string> | undefined} only where sessions are declared */
export const sessions = () =>
  /** @type {NgxSharedDict<string> | undefined} */ (ngx.shared.mesh_sessions_1);

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
