/** What keys have used: counted in shared memory by day (UTC), key and model, kept over reloads and killed workers. */
import data from "../data.js";
import { count } from "../counters.js";
import { usage } from "../memory.js";

/** Milliseconds. */
const DAY = 86_400_000;

/** @typedef {import("../../status/mesh-usage.ts").Used} Used */

/**
 * The day of a moment, as "2026-11-26".
 *
 * @param {number} now
 */
export function dayOf(now) {
  const index = Math.floor(now / DAY);
  if (index !== last.index) last = { index, day: new Date(now).toISOString().slice(0, 10) };
  return last.day;
}

/** Each context asks for the same day over and over. */
let last = { index: -1, day: "" };

/**
 * Seconds until the next day begins.
 *
 * @param {number} now
 */
export const secondsLeft = (now) => Math.ceil((DAY - (now % DAY)) / 1000);

/**
 * What the stack says of a key; undefined where it knows none of that name.
 *
 * @param {string | undefined} key
 */
export const limitsOf = (key) =>
  key && data.keys && Object.hasOwn(data.keys, key) ? data.keys[key] : undefined;

/**
 * Requests and tokens of a key today, those that other nginx of this balancer have written down included.
 *
 * @param {string} key
 * @param {string} day
 */
export const today = (key, day) => ({
  requests: sum("R", day, key),
  tokens: sum("T", day, key),
});

/**
 * @param {"R" | "T"} letter
 * @param {string} day
 * @param {string} key
 */
const sum = (letter, day, key) =>
  (usage().get(`${letter}|${day}|${key}`) || 0) + (usage().get(`x${letter}|${day}|${key}`) || 0);

/**
 * Takes one of a key's requests of a day.
 *
 * @param {string} key
 * @param {string} day
 * @returns {number} its requests of this day with this one
 */
export const take = (key, day) =>
  usage().incr(`R|${day}|${key}`, 1) + (usage().get(`xR|${day}|${key}`) || 0);

/**
 * Gives it back: it was refused.
 *
 * @param {string} key
 * @param {string} day
 */
export const giveBack = (key, day) => void usage().incr(`R|${day}|${key}`, -1);

/**
 * A request that was let in. A full zone must cost nobody a request.
 *
 * @param {string} key
 * @param {string} day
 * @param {string} model
 */
export function countAsked(key, day, model) {
  add([`r|${day}|${key}|${model}`, 1]);
}

/**
 * The tokens of one that has ended.
 *
 * @param {string} key
 * @param {string} day
 * @param {string} model
 * @param {{prompt: number, answer: number, estimated: boolean}} tokens
 */
export function countTokens(key, day, model, { prompt, answer, estimated }) {
  const pair = `${day}|${key}|${model}`;
  add(
    [`p|${pair}`, prompt],
    [`a|${pair}`, answer],
    [`e|${pair}`, estimated ? 1 : 0],
    [`T|${day}|${key}`, prompt + answer],
  );
  count(`p|${key}|${model}`, prompt);
  count(`a|${key}|${model}`, answer);
  if (estimated) count(`e|${key}|${model}`);
}

/** @param {[key: string, by: number][]} sums */
function add(...sums) {
  const all = usage();
  try {
    for (const [key, by] of sums) if (by !== 0) all.incr(key, by);
    all.incr("changed", 1);
  } catch {
    count("mesh_usage_faults_total");
  }
}

/** Sums of a key and model, by the letter that counts them. */
const FIELDS = /** @type {const} */ ({
  r: "requests",
  p: "promptTokens",
  a: "answerTokens",
  e: "estimated",
});

/**
 * What this nginx has counted, by day, in the order of keys and models.
 *
 * @returns {Map<string, Used[]>}
 */
export function counted() {
  /** @type {Map<string, Map<string, Used>>} */
  const days = new Map();
  for (const [name, value] of usage().items(1_000_000)) {
    const [letter = "", day = "", key = "", ...rest] = name.split("|");
    if (!Object.hasOwn(FIELDS, letter)) continue;
    const model = rest.join("|");
    let used = days.get(day);
    if (!used) days.set(day, (used = new Map()));
    const found = used.get(`${key}|${model}`) ?? none(key, model);
    found[FIELDS[/** @type {keyof typeof FIELDS} */ (letter)]] += value;
    used.set(`${key}|${model}`, found);
  }
  return new Map([...days].map(([day, used]) => [day, sorted([...used.values()])]));
}

/**
 * @param {string} key
 * @param {string} model
 * @returns {Used}
 */
export const none = (key, model) => ({
  key,
  model,
  requests: 0,
  promptTokens: 0,
  answerTokens: 0,
  estimated: 0,
});

/** @param {Used[]} all */
export const sorted = (all) =>
  all.sort((one, other) => (`${one.key} ${one.model}` < `${other.key} ${other.model}` ? -1 : 1));

/**
 * Forgets what is of no day any more.
 *
 * @param {readonly string[]} kept days
 */
export function forgetDays(kept) {
  const all = usage();
  for (const name of all.keys(1_000_000)) {
    const day = name.split("|")[1];
    if (day !== undefined && !kept.includes(day)) all.delete(name);
  }
}
