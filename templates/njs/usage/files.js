/**
 * What keys have used, in a volume that outlives nginx. Each nginx writes files of its own, one a day, and reads those of
 * the others: so two that run beside each other neither count twice nor overwrite each other. A file is put in place
 * whole, and what nginx says of a day is the sum of its files.
 */
import fs from "fs";

import { count } from "../counters.js";
import data from "../data.js";
import { leases, number, numbers, texts, usage } from "../memory.js";
import { counted, dayOf, forgetDays, limitsOf, none, sorted } from "./day.js";

/** Where the volume is mounted: see ../../nginx-layout.ts. */
const FOLDER = "/var/lib/ollama-mesh";

/** Days that files are kept. */
const KEPT_DAYS = 400;
/** Milliseconds in which a write is done; a killed worker's right to write ends then. */
const LEASE = 5000;
/** Milliseconds without a tick of the timer after which every end writes: workers that end have no timer. */
const TIMER_GONE = 1500;
/** Milliseconds between two writes at ends after which nothing is in flight, while the timer writes once a second too. */
const IDLE_EVERY = 1000;
/** Milliseconds for which every end writes, once nginx was told that it is about to be sent off. */
const LEAVING = 10_000;
/** Times that a write begins again: where nobody will, the last ends of workers that finish come one by one. */
const ROUNDS = 10;
/** Milliseconds between two looks at what other nginx have written. */
const LOOK_EVERY = 2000;
/** Milliseconds after midnight in which a request that came before it is still counted. */
const LATE = 60_000;

const DAY = 86_400_000;
const NAME = /^usage-(\d{4}-\d\d-\d\d)\.([a-z0-9]+)\.json$/;

/** @typedef {import("../../status/mesh-usage.ts").Used} Used */

/** What tells this nginx from others, for as long as its memory lives: over reloads. */
function instance() {
  texts().add("instance", `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`);
  return texts().get("instance") ?? "";
}

/**
 * Writes down what has changed since the last time.
 *
 * @param {number} most times, each for what others have counted during the one before: a worker that writes does nothing else
 * @returns {boolean} whether it is written
 */
export function write(most = ROUNDS) {
  const all = usage();
  for (let round = 0; round < most; round++) {
    const changed = all.get("changed") || 0;
    if (changed === (all.get("written") || 0)) return true;
    // Another worker is about it, and will see this change.
    if (!leases().add("usage", 1, LEASE)) return true;
    try {
      for (const [day, used] of counted()) put(`usage-${day}.${instance()}.json`, day, used);
      all.set("written", changed);
    } catch (error) {
      count("mesh_usage_faults_total");
      complain(error);
      return false;
    } finally {
      leases().delete("usage");
    }
  }
  return true;
}

/**
 * Once a minute at most.
 *
 * @param {unknown} error
 */
function complain(error) {
  if (leases().add("usage-fault", 1, 60_000)) {
    ngx.log(
      ngx.ERR,
      `usage is not written to ${FOLDER}, and lost with this nginx: ${String(error)}`,
    );
  }
}

/**
 * @param {string} name
 * @param {string} day
 * @param {readonly Used[]} used
 */
function put(name, day, used) {
  const text = JSON.stringify({ format: 1, day, usage: used });
  fs.writeFileSync(`${FOLDER}/.${name}`, text);
  fs.renameSync(`${FOLDER}/.${name}`, `${FOLDER}/${name}`);
}

/**
 * At a request's end, after which none may come: each where the timer is gone, since workers that are about to go have
 * none; else where nothing is in flight any more, once a second at most, since a client alone has that at each end.
 *
 * @param {number} now
 */
export function writeIfLast(now) {
  if (now - number("tick") <= TIMER_GONE) {
    if (now - number("idle") < IDLE_EVERY || !isIdle()) return;
    numbers().set("idle", now);
  }
  write();
}

/**
 * Before nginx is sent off: what has ended is written down, and from here on each end writes, as its workers end without
 * another turn of the timer.
 *
 * @param {number} now
 */
export function leave(now) {
  numbers().set("leaving", now);
  numbers().set("tick", 0);
  write();
}

const isIdle = () => data.nodes.every(({ name }) => number(`i:${name}`) <= 0);

/**
 * A part of the tick.
 *
 * @param {number} now
 */
export function keepUsage(now) {
  if (now - number("leaving") >= LEAVING) numbers().set("tick", now);
  const day = dayOf(now);
  const written = write(1);
  if (now - (usage().get(`x|${day}`) || 0) >= LOOK_EVERY) learnOthers(now);
  if (!written || usage().get(`kept|${day}`) || now % DAY < LATE) return;
  forgetDays([day]);
  removeOld(dayOf(now - KEPT_DAYS * DAY));
  usage().set(`kept|${day}`, 1);
}

/** @param {string} first day that stays */
function removeOld(first) {
  for (const { file, day } of files()) if (day < first) fs.unlinkSync(`${FOLDER}/${file}`);
}

/** The files of all nginx of this balancer; none where there is no such volume. */
function files() {
  /** @type {string[]} */
  let names = [];
  try {
    names = fs.readdirSync(FOLDER);
  } catch {
    // An nginx that the front has started itself has none.
  }
  return names.flatMap((file) => {
    const [, day = "", owner = ""] = NAME.exec(file) ?? [];
    return day === "" ? [] : { file, day, owner };
  });
}

/**
 * @param {string} file
 * @returns {readonly Used[]}
 */
function usedOf(file) {
  try {
    /** @type {{format: number, usage: Used[]}} */
    const { format, usage: used } = JSON.parse(fs.readFileSync(`${FOLDER}/${file}`, "utf8"));
    return format === 1 ? used : [];
  } catch {
    // Just removed, or no file of ours.
    return [];
  }
}

/**
 * Makes known to quotas what other nginx of this balancer have counted today.
 *
 * @param {number} now
 */
export function learnOthers(now) {
  const day = dayOf(now);
  /** @type {Record<string, {requests: number, tokens: number}>} */
  const sums = Object.create(null);
  for (const one of files()) {
    if (one.day !== day || one.owner === instance()) continue;
    for (const { key, requests, promptTokens, answerTokens } of usedOf(one.file)) {
      const sum = (sums[key] ??= { requests: 0, tokens: 0 });
      sum.requests += requests;
      sum.tokens += promptTokens + answerTokens;
    }
  }
  for (const [key, { requests, tokens }] of Object.entries(sums)) {
    if (limitsOf(key) === undefined) continue;
    usage().set(`xR|${day}|${key}`, requests);
    usage().set(`xT|${day}|${key}`, tokens);
  }
  usage().set(`x|${day}`, now);
}

/**
 * What all nginx of this balancer have counted, by day.
 *
 * @param {string} first day
 * @returns {Record<string, Used[]>}
 */
export function usageSince(first) {
  const own = counted();
  const all = [...own].filter(([day]) => day >= first);
  for (const { file, day, owner } of files()) {
    if (day < first || (owner === instance() && own.has(day))) continue;
    all.push([day, [...usedOf(file)]]);
  }
  /** @type {Record<string, Map<string, Used>>} */
  const days = {};
  for (const [day, used] of all) {
    const sums = (days[day] ??= new Map());
    for (const one of used) {
      const sum = sums.get(`${one.key}|${one.model}`) ?? none(one.key, one.model);
      sum.requests += one.requests;
      sum.promptTokens += one.promptTokens;
      sum.answerTokens += one.answerTokens;
      sum.estimated += one.estimated;
      sums.set(`${one.key}|${one.model}`, sum);
    }
  }
  return Object.fromEntries(
    Object.keys(days)
      .sort()
      .map((day) => [day, sorted([...(days[day]?.values() ?? [])])]),
  );
}
