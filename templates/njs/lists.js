/** The lists of the whole mesh, as a client of one node would ask for them. */
import data from "./data.js";
import { factsOf, wereAsked } from "./nodes/facts.js";
import { json, texts } from "./memory.js";
import { allGone, answerRefusal, notKnownYet, unknownModel } from "./requests/refusal.js";
import { limitsOf } from "./usage/day.js";
import { expired, mayUse, notAllowed } from "./usage/quota.js";
import { meshIn, ownName } from "./other-mesh.js";
import { isIn, poolNames } from "./pools.js";
import { lookUp, nodesOf, poolOf, viewOf } from "./view.js";

/**
 * @typedef {{name: string, modified_at?: string, [key: string]: unknown}} Tag
 * @typedef {{name: string, expires_at?: string, [key: string]: unknown}} Running
 * @typedef {{id: string, [key: string]: unknown}} OpenAiModel
 */

/** Makes them of what each node that is well has told. */
export function listAll() {
  const well = data.nodes.filter(({ name }) => factsOf(name).well);
  for (const pool of poolNames()) {
    if (!wereAsked(data.nodes.filter((node) => isIn(pool, node)))) continue;
    const lists = listsOf(well.filter((node) => isIn(pool, node)));
    for (const [list, text] of Object.entries(lists)) texts().set(keyOf(list, pool), text);
  }
}

/**
 * @param {readonly import("../router-data.ts").RoutedNode[]} well
 * @returns {Record<string, string>} by the names under which they are kept
 */
function listsOf(well) {
  const ollama = well.filter(({ kind }) => kind === "ollama").map(({ name }) => name);
  const services = well.filter(({ kind }) => kind === "service").map(({ name }) => name);
  const none = /** @type {never[]} */ ([]);
  const tags = mergeTags(ollama.map((name) => json(`t:${name}`, none)));
  const running = mergeRunning(ollama.map((name) => json(`r:${name}`, none)));
  const models = mergeModels(
    tags,
    services.map((name) => json(`t:${name}`, none)),
  );
  return {
    tags: JSON.stringify({ models: tags }),
    ps: JSON.stringify({ models: running }),
    v1: JSON.stringify({ object: "list", data: models }),
  };
}

/**
 * Where the list of a pool is kept.
 *
 * @param {string} list
 * @param {string} pool "" for the default one
 */
const keyOf = (list, pool) => (pool === "" ? list : `${list}@${pool}`);

const NO_TAGS = JSON.stringify({ models: [] });
const NO_MODELS = JSON.stringify({ object: "list", data: [] });

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

/** Below it each model is told of. */
const MODELS = "/v1/models/";

/**
 * js_content of the three lists.
 *
 * @param {NginxHTTPRequest} r
 */
export const list = (r) =>
  orOneNodes(r, r.uri, () => {
    const asker = meshIn(r.headersIn["Via"]);
    const text = asker === "" ? kept(r) : besides(r, asker);
    const models = modelsOfKey(r);
    if (models) {
      const none = r.uri === "/v1/models" ? NO_MODELS : NO_TAGS;
      return { status: 200, body: listOf(models, text ?? none) };
    }
    // Servers without such a list have a page of their own there, or none.
    if (text === NO_MODELS) return undefined;
    return text !== undefined ? { status: 200, body: text } : undefined;
  });

/** @param {NginxHTTPRequest} r */
const kept = (r) => texts().get(keyOf(KEPT[r.uri] ?? "", poolOf(r)));

/**
 * For another mesh: what there is beside what it has told itself.
 *
 * @param {NginxHTTPRequest} r
 * @param {string} asker
 */
function besides(r, asker) {
  r.headersOut["Via"] = ownName();
  if (kept(r) === undefined) return undefined;
  const others = data.nodes.filter((node) => {
    const { well, mesh } = factsOf(node.name);
    return well && mesh !== asker && isIn(poolOf(r), node);
  });
  return listsOf(others)[KEPT[r.uri] ?? ""];
}

/**
 * The models that the request's key may use; undefined where that is all.
 *
 * @param {NginxHTTPRequest} r
 */
const modelsOfKey = (r) => (data.keys ? limitsOf(r.variables.mesh_key)?.models : undefined);

/**
 * A list without what a key may not use.
 *
 * @param {readonly string[]} models
 * @param {string} text
 */
function listOf(models, text) {
  /** @type {{models?: Tag[], data?: OpenAiModel[]}} */
  const all = JSON.parse(text);
  return JSON.stringify({
    ...all,
    ...(all.models ? { models: all.models.filter(({ name }) => mayUse(models, name)) } : {}),
    ...(all.data ? { data: all.data.filter(({ id }) => mayUse(models, id)) } : {}),
  });
}

/**
 * js_content of /v1/models/<id>.
 *
 * @param {NginxHTTPRequest} r
 */
export const model = (r) =>
  orOneNodes(r, MODELS, () => {
    const view = viewOf(r);
    const id = r.uri.slice(MODELS.length);
    const found = view && lookUp(view, id);
    const models = modelsOfKey(r);
    if (!view || !(found || view.complete)) return models && notKnownYet(r.uri);
    if (models && !mayUse(models, found?.name ?? id)) return notAllowed(r.uri, models);
    if (!found) return unknownModel(r.uri, id, view, models);
    /** @type {{data: OpenAiModel[]}} */
    const all = json(keyOf("v1", poolOf(r)), { data: [] });
    const entry = all.data.find((one) => one.id === found.name);
    return entry
      ? { status: 200, body: JSON.stringify(entry) }
      : allGone(r.uri, id, nodesOf(view, found.model.gone));
  });

/**
 * @param {NginxHTTPRequest} r
 * @param {string} path that its location is for
 * @param {() => {status: number, body: string} | undefined} make undefined where not every node was asked yet
 */
function orOneNodes(r, path, make) {
  let answer;
  try {
    const refused = data.keys ? expired(r) : undefined;
    if (refused) {
      answerRefusal(r, refused);
      return;
    }
    answer = make();
  } catch (error) {
    r.error(`no list: ${String(error)}`);
  }
  if (!answer) {
    r.internalRedirect(`${NODES}${path}`);
    return;
  }
  r.headersOut["Content-Type"] = "application/json; charset=utf-8";
  r.return(answer.status, answer.body);
}
