/** The lists of the whole mesh, as a client of one node would ask for them. */
import data from "./data.js";
import { factsOf } from "./nodes/facts.js";
import { json, texts } from "./memory.js";
import { allGone, unknownModel } from "./requests/refusal.js";
import { current, lookUp, nodesOf } from "./view.js";

/**
 * @typedef {{name: string, modified_at?: string, [key: string]: unknown}} Tag
 * @typedef {{name: string, expires_at?: string, [key: string]: unknown}} Running
 * @typedef {{id: string, [key: string]: unknown}} OpenAiModel
 */

/** Makes them of what each node that is well has told. */
export function listAll() {
  const well = data.nodes.filter(({ name }) => factsOf(name).well);
  const ollama = well.filter(({ kind }) => kind === "ollama").map(({ name }) => name);
  const services = well.filter(({ kind }) => kind === "service").map(({ name }) => name);
  const none = /** @type {never[]} */ ([]);
  const tags = mergeTags(ollama.map((name) => json(`t:${name}`, none)));
  const running = mergeRunning(ollama.map((name) => json(`r:${name}`, none)));
  const models = mergeModels(
    tags,
    services.map((name) => json(`t:${name}`, none)),
  );
  texts().set("tags", JSON.stringify({ models: tags }));
  texts().set("ps", JSON.stringify({ models: running }));
  texts().set("v1", JSON.stringify({ object: "list", data: models }));
}

/**
 * Each model once; where nodes have different ones of a name, the newest.
 *
 * @param {readonly Tag[][]} lists
 */
export const mergeTags = (lists) => merge(lists, ({ modified_at: time = "" }) => time);

/**
 * Each loaded model once, with the time until which some node keeps it.
 *
 * @param {readonly Running[][]} lists
 */
export const mergeRunning = (lists) => merge(lists, ({ expires_at: time = "" }) => time);

/**
 * @template {{name: string}} T
 * @param {readonly T[][]} lists
 * @param {(one: T) => string} age
 */
function merge(lists, age) {
  /** @type {Map<string, T>} */
  const byName = new Map();
  for (const one of lists.flat()) {
    const other = byName.get(one.name);
    if (!other || age(other) < age(one)) byName.set(one.name, one);
  }
  return [...byName.keys()].sort().map((name) => /** @type {T} */ (byName.get(name)));
}

/**
 * As Ollama writes them in OpenAI's form, and what other servers say of theirs.
 *
 * @param {readonly Tag[]} tags
 * @param {readonly OpenAiModel[][]} others
 */
export function mergeModels(tags, others) {
  /** @type {Map<string, OpenAiModel>} */
  const byId = new Map();
  for (const one of others.flat()) if (!byId.has(one.id)) byId.set(one.id, one);
  for (const { name, modified_at: time = "" } of tags) {
    const created = Math.floor(Date.parse(time) / 1000) || 0;
    byId.set(name, { id: name, object: "model", created, owned_by: owner(name) });
  }
  return [...byId.keys()].sort().map((id) => /** @type {OpenAiModel} */ (byId.get(id)));
}

/**
 * The part of a name before the last but one slash is a registry, the one after it the owner.
 *
 * @param {string} name
 */
function owner(name) {
  const parts = name.split("/");
  return parts.length > 1 ? (parts[parts.length - 2] ?? "library") : "library";
}

/** Where each list is kept. */
const KEPT = /** @type {Record<string, string>} */ ({
  "/api/tags": "tags",
  "/api/ps": "ps",
  "/v1/models": "v1",
});

/** What a list that is not there yet, and a fault, lead to: one node's. */
const NODES = "@mesh_nodes";

/**
 * js_content of the three lists.
 *
 * @param {NginxHTTPRequest} r
 */
export const list = (r) =>
  orOneNodes(r, () => {
    const text = texts().get(KEPT[r.uri] ?? "");
    return text !== undefined && current()?.complete ? { status: 200, body: text } : undefined;
  });

/**
 * js_content of /v1/models/<id>.
 *
 * @param {NginxHTTPRequest} r
 */
export const model = (r) =>
  orOneNodes(r, () => {
    const view = current();
    if (!view?.complete) return undefined;
    const id = r.uri.slice("/v1/models/".length);
    const found = lookUp(view, id);
    if (!found) return unknownModel(r.uri, id, view);
    /** @type {{data: OpenAiModel[]}} */
    const all = json("v1", { data: [] });
    const entry = all.data.find((one) => one.id === found.name);
    return entry
      ? { status: 200, body: JSON.stringify(entry) }
      : allGone(r.uri, id, nodesOf(view, found.model.gone));
  });

/**
 * @param {NginxHTTPRequest} r
 * @param {() => {status: number, body: string} | undefined} make undefined where not every node was asked yet
 */
function orOneNodes(r, make) {
  let answer;
  try {
    answer = make();
  } catch (error) {
    r.error(`no list: ${String(error)}`);
  }
  if (!answer) {
    r.internalRedirect(NODES);
    return;
  }
  r.headersOut["Content-Type"] = "application/json; charset=utf-8";
  r.return(answer.status, answer.body);
}
