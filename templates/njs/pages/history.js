/**
 * The last hour of the counters: sums over all nodes, models and keys, taken every ten seconds by the timer, so that
 * it costs no request anything. Kept over reloads, lost with the nginx that holds it.
 */
import { BUCKETS } from "../counters.js";
import { counters, history, number, numbers } from "../memory.js";

/** Milliseconds between two samples. */
const EVERY = 10_000;
/** An hour, and the sample from which it begins. */
const KEPT = 361;
/** Points of the series that a page draws: one a minute. */
const MINUTE = 60_000;

/**
 * @typedef {object} Sample sums since the counters began
 * @property {number} at milliseconds since the epoch
 * @property {number} ended requests
 * @property {number} failed of a node that answered with an error of its own, 500 or more
 * @property {Record<string, number>} refused by the balancer, by status
 * @property {number[]} duration by bucket (see counters.js)
 * @property {number[]} firstByte the same
 */

/**
 * Takes a sample where one is due.
 *
 * @param {number} now
 */
export function sample(now) {
  const turn = Math.floor(now / EVERY);
  if (number("history") === turn) return;
  numbers().set("history", turn);
  history().set(String(turn % KEPT), JSON.stringify(sums(counters().items(1_000_000), now)));
}

/**
 * @param {readonly [string, number][]} counted
 * @param {number} at
 * @returns {Sample}
 */
export function sums(counted, at) {
  const none = () => Array.from({ length: BUCKETS.length + 1 }, () => 0);
  /** @type {Sample} */
  const all = { at, ended: 0, failed: 0, refused: {}, duration: none(), firstByte: none() };
  for (const [key, value] of counted) {
    const last = key.slice(key.lastIndexOf("|") + 1);
    if (key.startsWith("r|")) {
      all.ended += value;
      if (key.startsWith("r||")) all.refused[last] = (all.refused[last] ?? 0) + value;
      else if (Number(last) >= 500) all.failed += value;
    } else if (key.startsWith("d|")) add(all.duration, Number(last), value);
    else if (key.startsWith("f|")) add(all.firstByte, Number(last), value);
  }
  return all;
}

/**
 * @param {number[]} buckets
 * @param {number} index
 * @param {number} value
 */
const add = (buckets, index, value) => (buckets[index] = (buckets[index] ?? 0) + value);

/**
 * The kept samples, oldest first.
 *
 * @param {number} now
 * @returns {Sample[]}
 */
export const samples = (now) =>
  history()
    .items(KEPT)
    .map(([, text]) => /** @type {Sample} */ (JSON.parse(text)))
    .filter(({ at }) => now - at <= KEPT * EVERY)
    .sort((one, other) => one.at - other.at);

/** @typedef {import("../../status/mesh-status.ts").Percentiles} Percentiles */
/** @typedef {NonNullable<import("../../status/mesh-status.ts").RoutedStatus["traffic"]>} RecentTraffic */
/** @typedef {import("../../status/mesh-status.ts").Traffic} Traffic */

/**
 * What happened between two samples.
 *
 * @param {Sample} from
 * @param {Sample} to
 * @returns {Traffic}
 */
export const between = (from, to) => ({
  seconds: Math.round((to.at - from.at) / 1000),
  ended: to.ended - from.ended,
  failed: to.failed - from.failed,
  refused: Object.fromEntries(
    Object.entries(to.refused)
      .map(
        ([status, value]) => /** @type {const} */ ([status, value - (from.refused[status] ?? 0)]),
      )
      .filter(([, value]) => value > 0),
  ),
  ...percentiles("firstByte", from, to),
  ...percentiles("duration", from, to),
});

/**
 * The traffic of the last minute, of all that is kept, and of each minute of it.
 *
 * @param {readonly Sample[]} all oldest first
 * @returns {RecentTraffic | undefined} undefined with less than two
 */
export function traffic(all) {
  const first = all[0];
  const last = all[all.length - 1];
  if (!first || !last || first === last) return undefined;
  const minute = all.find(({ at }) => last.at - at <= MINUTE) ?? first;
  /** @type {(Traffic & {at: number})[]} */
  const series = [];
  let from = first;
  for (const to of all) {
    if (to.at - from.at < MINUTE - EVERY / 2) continue;
    series.push({ at: to.at, ...between(from, to) });
    from = to;
  }
  return {
    minute: between(minute === last ? first : minute, last),
    hour: between(first, last),
    series,
  };
}

/**
 * @param {"firstByte" | "duration"} of
 * @param {Sample} from
 * @param {Sample} to
 * @returns {{firstByte?: Percentiles, duration?: Percentiles}}
 */
function percentiles(of, from, to) {
  const counts = to[of].map((value, index) => value - (from[of][index] ?? 0));
  const total = counts.reduce((sum, one) => sum + one, 0);
  if (total <= 0) return {};
  const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((part) =>
    quantile(counts, total * part),
  );
  return { [of]: { p50, p95, p99 } };
}

/**
 * Seconds below which so many lie, taking those of a bucket for evenly spread, as Prometheus does; what lies above
 * the last bound counts as that.
 *
 * @param {readonly number[]} counts
 * @param {number} rank
 */
function quantile(counts, rank) {
  let below = 0;
  for (let index = 0; index < BUCKETS.length; index++) {
    const count = counts[index] ?? 0;
    if (count > 0 && below + count >= rank) {
      const low = BUCKETS[index - 1] ?? 0;
      const high = /** @type {number} */ (BUCKETS[index]);
      return Number((low + ((high - low) * (rank - below)) / count).toPrecision(3));
    }
    below += count;
  }
  return /** @type {number} */ (BUCKETS[BUCKETS.length - 1]);
}
