/** What keys have used, as JSON: for the command ollama-mesh status --usage. */
import data from "../data.js";
import { dayOf, today } from "../usage/day.js";
import { leave, usageSince } from "../usage/files.js";

/** Milliseconds. */
const DAY = 86_400_000;
/** As long as files are kept. */
const DAYS_MOST = 400;

/**
 * js_content of /usage.json?days=N. Reads only.
 *
 * @param {NginxHTTPRequest} r
 */
export function usage(r) {
  if (r.method !== "GET" && r.method !== "HEAD") {
    r.return(405, JSON.stringify({ error: "reads only" }));
    return;
  }
  const now = Date.now();
  // Only who is in the container may say so.
  if (r.variables.arg_leaving && r.remoteAddress === "unix:") leave(now);
  const days = Math.min(DAYS_MOST, Math.max(1, Math.floor(Number(r.variables.arg_days)) || 1));
  r.headersOut["Content-Type"] = "application/json";
  r.headersOut["Cache-Control"] = "no-store";
  r.return(200, JSON.stringify(meshUsage(now, days)));
}

/**
 * @param {number} now
 * @param {number} days today is one of them
 * @returns {import("../../status/mesh-usage.ts").MeshUsage}
 */
function meshUsage(now, days) {
  const day = dayOf(now);
  return {
    format: 1,
    now,
    today: todayByKey(day),
    days: usageSince(dayOf(now - (days - 1) * DAY)),
  };
}

/**
 * What each key has used today, and may use.
 *
 * @param {string} day today
 */
function todayByKey(day) {
  const used = usageSince(day)[day] ?? [];
  return Object.entries(data.keys ?? {}).map(([key, limits]) => {
    // By what a quota goes by, where there is one.
    if (limits.requestsPerDay ?? limits.tokensPerDay) {
      return { key, ...today(key, day), ...limits };
    }
    const own = used.filter((one) => one.key === key);
    return {
      key,
      requests: own.reduce((sum, { requests }) => sum + requests, 0),
      tokens: own.reduce((sum, one) => sum + one.promptTokens + one.answerTokens, 0),
      ...limits,
    };
  });
}

/**
 * What keys have used today, and may, for /metrics.
 *
 * @returns {import("./metrics.js").Gauge[]}
 */
export function usageGauges() {
  if (!data.keys) return [];
  const all = todayByKey(dayOf(Date.now()));
  /**
   * @param {string} name
   * @param {string} help
   * @param {(one: typeof all[number]) => number | undefined} value undefined for no such limit
   */
  const each = (name, help, value) => ({
    name,
    help,
    samples: all.flatMap((one) => {
      const of = value(one);
      return of === undefined ? [] : { labels: { key: one.key }, value: of };
    }),
  });
  return [
    each(
      "mesh_key_day_requests",
      "Requests of the key since midnight UTC.",
      ({ requests }) => requests,
    ),
    each(
      "mesh_key_day_tokens",
      "Tokens of its prompts and answers since then.",
      ({ tokens }) => tokens,
    ),
    each(
      "mesh_key_day_requests_limit",
      "Requests that it may make a day.",
      ({ requestsPerDay }) => requestsPerDay,
    ),
    each(
      "mesh_key_day_tokens_limit",
      "Tokens that it may use a day.",
      ({ tokensPerDay }) => tokensPerDay,
    ),
  ];
}
