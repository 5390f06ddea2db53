/** What each node has and has loaded, by asking it every few seconds. */
import data from "../data.js";
import { FAILED, factsOf } from "./facts.js";
import { reckon } from "./load-seconds.js";
import { listAll } from "../lists.js";
import { number, numbers, texts } from "../memory.js";
import { meshIn, ownName } from "../other-mesh.js";
import { noteOut } from "./out-of-traffic.js";
import { lookAtConfig } from "../pages/served.js";
import { tick } from "./tick.js";
import { QUIET } from "./verdict.js";

/** @typedef {import("../../router-data.ts").RoutedNode} RoutedNode */
/** @typedef {import("./facts.js").Facts} Facts */

/** js_periodic, in one worker: its interval is longer than what it waits for, because the next run would end it. */
export async function poll() {
  await Promise.all([...data.nodes.map(askOne), lookAtConfig()]);
  noteOut();
  listAll();
  tick();
}

/** js_periodic: nodes that are gone are asked more often, so that one that is back is used within two seconds. */
export async function pollGone() {
  const gone = data.nodes.filter(({ name }) => !factsOf(name).well);
  if (gone.length === 0) return;
  await Promise.all(gone.map(askOne));
  listAll();
  tick();
}

/** @param {RoutedNode} node */
async function askOne(node) {
  const before = factsOf(node.name);
  let facts;
  try {
    const found = await (node.kind === "ollama" ? askOllama(node, before) : askService(node));
    const { pool = "" } = node;
    facts = { ...before, ...found, pool, well: true, bad: 0, error: "", seen: true };
  } catch (error) {
    // The other of the two polls, which waits longer, may have had its answer meanwhile.
    const latest = factsOf(node.name);
    facts = { ...latest, bad: latest.bad + 1, error: String(error).slice(0, 200) };
    // Tokens prove more than lists: a node that is busy to the brim may miss a poll.
    if (facts.bad >= FAILED && Date.now() - lastProof(node.name, before) > QUIET) {
      facts.well = false;
    }
  }
  texts().set(`a:${node.name}`, JSON.stringify(facts));
}

/**
 * @param {string} node
 * @param {Facts} facts
 */
const lastProof = (node, facts) =>
  Math.max(0, ...[...facts.loaded, ""].map((model) => number(`p:${node}|${model}`)));

/**
 * @typedef {{name: string, size?: number, size_vram?: number, context_length?: number, details?: {family?: string}}} ListedModel
 * @typedef {{version?: string, models?: ListedModel[], data?: {id: string}[]}} Answer
 *
 * @param {RoutedNode} node
 * @param {Facts} before
 */
async function askOllama(node, before) {
  const [{ version = "" }, tags, ps] = await Promise.all([
    askJson(node, "/api/version"),
    askJson(node, "/api/tags"),
    running(node),
  ]);
  const disk = tags.models ?? [];
  texts().set(`t:${node.name}`, JSON.stringify(disk));
  for (const { name, size } of disk) reckon(node.name, name, size);
  const { mesh } = tags;
  const known = { version: String(version), disk: disk.map(({ name }) => name), mesh };
  if (!ps) {
    if (before.loading) return known;
    for (const model of before.loaded) clearRecord(`${node.name}|${model}`);
    return { ...known, loading: Date.now() };
  }
  const loaded = ps.models ?? [];
  texts().set(`r:${node.name}`, JSON.stringify(loaded));
  const names = loaded.map(({ name }) => name);
  if (before.seen) appear(node.name, names, before.well ? before.loaded : []);
  return {
    ...known,
    loading: 0,
    loaded: names,
    gpuPercent: Object.fromEntries(
      loaded.map(({ name, size, size_vram: inGpu }) => [
        name,
        size && typeof inGpu === "number" ? (100 * inGpu) / size : 100,
      ]),
    ),
    context: tellsContext(version) ? contextOf(loaded) : {},
    oneByOne: loaded.flatMap(({ name, details }) =>
      ONE_BY_ONE.includes(details?.family ?? "") ? [name] : [],
    ),
  };
}

/** Families of models that Ollama serves to one request after the other, whatever OLLAMA_NUM_PARALLEL is. Source: Ollama, server/sched.go, load. */
const ONE_BY_ONE = [
  ...["mllama", "qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe", "qwen3next", "lfm2", "lfm2moe"],
  ...["nemotron_h", "nemotron_h_moe", "nemotron_h_omni"],
];

/**
 * What a node has loaded; undefined where it gives no answer, though it may give the other lists: since 0.32.4 Ollama
 * keeps this one waiting until a load is done. Source: Ollama, server/sched.go, loadedModels.
 *
 * @param {RoutedNode} node
 */
async function running(node) {
  try {
    return await askJson(node, "/api/ps");
  } catch (error) {
    if (error instanceof Refused) throw error;
    return undefined;
  }
}

/**
 * Models that were not in the list before: Ollama up to 0.32.3 lists one from the begin of its load. What was held of it
 * was held of another process.
 *
 * @param {string} node
 * @param {readonly string[]} models
 * @param {readonly string[]} before
 */
function appear(node, models, before) {
  const now = Date.now();
  for (const model of models) {
    if (before.includes(model)) continue;
    const pair = `${node}|${model}`;
    clearRecord(pair);
    numbers().set(`s:${pair}`, 0);
    numbers().set(`b:${pair}`, now);
  }
}

/**
 * Probes that failed before a load prove nothing of what is there after it.
 *
 * @param {string} pair
 */
const clearRecord = (pair) => void numbers().set(`f:${pair}`, 0);

/**
 * Whether a request that asks for the context in the list goes to the model as it is loaded; of versions before, the list
 * has another number where a model can't do as much. Source: Ollama, server/sched.go, needsReload.
 *
 * @param {string} version
 */
function tellsContext(version) {
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  return Number(major) > 0 || Number(minor) >= 30;
}

/** @param {readonly ListedModel[]} loaded */
const contextOf = (loaded) =>
  Object.fromEntries(
    loaded.flatMap(({ name, context_length: tokens = 0 }) => (tokens > 0 ? [[name, tokens]] : [])),
  );

/** @param {RoutedNode} node */
async function askService(node) {
  if (node.healthPath !== undefined) {
    const { status } = await ask(node, node.healthPath);
    if (status < 200 || status > 299) throw new Error(`${node.healthPath} answered ${status}`);
  }
  const answer = await ask(node, "/v1/models");
  if (node.keyed && (answer.status === 401 || answer.status === 403)) {
    throw new Error(`/v1/models answered ${answer.status}: its key is not taken`);
  }
  // Other servers need not have the page: they are asked for anything.
  const list = answer.status === 200 ? /** @type {Answer} */ (await answer.json()).data : [];
  if (!Array.isArray(list)) throw new Error("/v1/models has no list");
  texts().set(`t:${node.name}`, JSON.stringify(list));
  const models = list.map(({ id }) => String(id));
  return { disk: models, loaded: models, mesh: meshIn(answer.headers.get("Via")) };
}

/** An answer that is no list. */
class Refused extends Error {}

/**
 * @param {RoutedNode} node
 * @param {string} path
 */
async function askJson(node, path) {
  const answer = await ask(node, path);
  if (answer.status !== 200) throw new Refused(`${path} answered ${answer.status}`);
  const mesh = meshIn(answer.headers.get("Via"));
  return { .../** @type {Answer} */ (await answer.json()), mesh };
}

/**
 * As the balancer's own requests are made: with the host that Ollama takes, a name by which a node's log tells them
 * from clients', and one by which another mesh knows this one.
 *
 * @param {RoutedNode} node
 * @param {string} path
 * @param {NgxFetchOptions} [options]
 */
export const ask = (node, path, options = {}) =>
  ngx.fetch(`${node.url}${path}`, {
    ...options,
    headers: {
      Host: "localhost:11434",
      "User-Agent": "ollama-mesh",
      Via: ownName(),
      ...options.headers,
    },
  });
