/** What a key may not: models that it has not, more than its requests or tokens of a day, anything once it has expired. */
import { refusal } from "../requests/refusal.js";
import { lookUp, spelling } from "../view.js";
import { dayOf, giveBack, limitsOf, secondsLeft, take, today } from "./day.js";
import { learnOthers } from "./files.js";
import { usage } from "../memory.js";

/** @typedef {import("../../router-data.ts").KeyLimits} KeyLimits */
/** @typedef {import("../requests/refusal.js").Refusal} Refusal */
/** @typedef {import("../view.js").View} View */

/**
 * Whether a key has expired: refused wherever it asks.
 *
 * @param {NginxHTTPRequest} r
 * @param {number} now
 * @returns {Refusal | undefined}
 */
export function expired(r, now = Date.now()) {
  const expires = limitsOf(r.variables.mesh_key)?.expires;
  if (expires === undefined || dayOf(now) <= expires) return undefined;
  const message = `this API key expired at the end of ${expires} (UTC); ask who runs the mesh for another one`;
  return { ...refusal(r.uri, 401, message, "invalid_api_key"), by: "expires" };
}

/**
 * Whether a key may use the model that is asked for.
 *
 * @param {NginxHTTPRequest} r
 * @param {string} name as the client wrote it; "" for none
 * @param {View | undefined} view
 * @returns {Refusal | undefined}
 */
export function otherModel(r, name, view) {
  const { models } = limitsOf(r.variables.mesh_key) ?? {};
  if (models === undefined) return undefined;
  const known = view ? lookUp(view, name)?.name : undefined;
  if (mayUse(models, known ?? name) && namesOne(r, name)) return undefined;
  return notAllowed(r.uri, models);
}

/**
 * @param {string} uri
 * @param {readonly string[]} models
 * @returns {Refusal}
 */
export function notAllowed(uri, models) {
  const message = `this API key may use ${models.join(", ")} only, and a request must name one of them, once`;
  return { ...refusal(uri, 403, message, "model_not_allowed"), by: "models" };
}

/**
 * @param {readonly string[]} models that are declared for a key, with their tags
 * @param {string} name
 */
export const mayUse = (models, name) =>
  name !== "" &&
  (models.includes(name) || models.some((model) => spelling(model) === spelling(name)));

/**
 * Whether a body names a model in one way only: nodes may read one that is there twice, or in capitals, as another
 * than the first.
 *
 * @param {NginxHTTPRequest} r
 * @param {string} name
 */
function namesOne(r, name) {
  const text = r.requestText ?? "";
  if (r.headersIn["Content-Type"]?.startsWith("multipart/")) {
    // Ollama reads JSON whatever the type says, and nothing behind it.
    return text.startsWith("--") && (text.match(/\bname\*?="?model\b/gi) ?? []).length === 1;
  }
  const fields = r.uri.startsWith("/api/") ? /^(model|name)$/i : /^model$/i;
  try {
    const asked = JSON.parse(text);
    return Object.keys(asked).every(
      (field) => !fields.test(field) || asked[field] === name || asked[field] === "",
    );
  } catch {
    return false;
  }
}

/**
 * Takes one of a key's requests of today, where it has one left and tokens too.
 *
 * @param {NginxHTTPRequest} r
 * @param {string} key
 * @param {KeyLimits} limits
 * @param {number} now
 * @returns {Refusal | undefined}
 */
export function takeToday(r, key, { requestsPerDay, tokensPerDay }, now) {
  if (requestsPerDay === undefined && tokensPerDay === undefined) return undefined;
  const day = dayOf(now);
  if (usage().get(`x|${day}`) === undefined) learnOthers(now);
  // First, so that of two who want the last one, one gets it.
  const requests = take(key, day);
  const spent =
    requestsPerDay !== undefined && requests > requestsPerDay
      ? { by: "requestsPerDay", what: `${requestsPerDay} requests` }
      : tokensPerDay !== undefined && today(key, day).tokens >= tokensPerDay
        ? { by: "tokensPerDay", what: `${tokensPerDay} tokens` }
        : undefined;
  if (!spent) return undefined;
  giveBack(key, day);
  const seconds = secondsLeft(now);
  const message = `this API key has used its ${spent.what} of today; it may go on at midnight UTC, in ${seconds} s`;
  return { ...refusal(r.uri, 429, message, "insufficient_quota", seconds), by: spent.by };
}
