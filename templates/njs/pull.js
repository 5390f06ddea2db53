/** A pull of what is there already: clients ask for it before every start, and Ollama says that it is done. */
import data from "./data.js";
import { answerRefusal, notKnownYet } from "./requests/refusal.js";
import { expired } from "./usage/quota.js";
import { lookUp, viewOf } from "./view.js";

/** Says that clients pull no models, and where they are declared. */
const REFUSED = "@mesh_no_pull";

/**
 * js_content of /api/pull.
 *
 * @param {NginxHTTPRequest} r
 */
export function pull(r) {
  try {
    const refused = data.keys ? expired(r) : undefined;
    if (refused) {
      answerRefusal(r, refused);
      return;
    }
    const answer = answerTo(r.method === "POST" ? (r.requestText ?? "") : "", viewOf(r));
    if (answer) {
      r.headersOut["Content-Type"] = answer.type;
      if (answer.retryAfterSeconds) {
        r.headersOut["Retry-After"] = String(answer.retryAfterSeconds);
      }
      r.return(answer.status, answer.body);
      return;
    }
  } catch (error) {
    r.error(`no answer to a pull: ${String(error)}`);
  }
  r.internalRedirect(REFUSED);
}

/**
 * @param {string} text of the request
 * @param {import("./view.js").View | undefined} view of its pool
 * @returns {{status: number, type: string, body: string, retryAfterSeconds?: number} | undefined} undefined for a model that no node has
 */
export function answerTo(text, view) {
  const asked = parsed(text);
  if (!asked) return undefined;
  if (view && lookUp(view, asked.name)) {
    const body = JSON.stringify({ status: "success" });
    return asked.streams
      ? { status: 200, type: "application/x-ndjson", body: `${body}\n` }
      : { status: 200, type: "application/json; charset=utf-8", body };
  }
  if (view?.complete) return undefined;
  return { ...notKnownYet("/api/pull"), type: "application/json" };
}

/**
 * @param {string} text
 * @returns {{name: string, streams: boolean} | undefined}
 */
function parsed(text) {
  try {
    const { model, name, stream } = JSON.parse(text);
    const asked = model || name;
    return typeof asked === "string" ? { name: asked, streams: stream !== false } : undefined;
  } catch {
    return undefined;
  }
}
