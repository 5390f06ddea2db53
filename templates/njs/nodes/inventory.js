/** What each node has and has loaded, by asking it every few seconds. */
import data from "../data.js";
import { factsOf } from "./facts.js";
import { listAll } from "../lists.js";
import { number, texts } from "../memory.js";
import { tick } from "./tick.js";
import { QUIET } from "./verdict.js";

/** Lists that must answer, or fail, in a row until it is believed. */
const IN_A_ROW = 2;

/** @typedef {import("../../router-data.ts").RoutedNode} RoutedNode */
/** @typedef {import("./facts.js").Facts} Facts */

/** js_periodic, in one worker: its interval is longer than what it waits for, because the next run would end it. */
export async function poll() {
  await Promise.all(data.nodes.map(askOne));
  listAll();
  tick();
}

/** @param {RoutedNode} node */
async function askOne(node) {
  const before = factsOf(node.name);
  let facts;
  try {
    const found = await (node.kind === "ollama" ? askOllama(node) : askService(node));
    facts = { ...before, ...found, good: before.good + 1, bad: 0, error: "", seen: true };
    facts.well = before.well || !before.seen || facts.good >= IN_A_ROW;
  } catch (error) {
    facts = { ...before, good: 0, bad: before.bad + 1, error: String(error).slice(0, 200) };
    // Tokens prove more than lists: a node that is busy to the brim may miss a poll.
    if (facts.bad >= IN_A_ROW && Date.now() - lastProof(node.name, before) > QUIET) {
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
 * @typedef {{name: string, size?: number, size_vram?: number}} ListedModel
 * @typedef {{version?: string, models?: ListedModel[], data?: {id: string}[]}} Answer
 *
 * @param {RoutedNode} node
 */
async function askOllama(node) {
  const [version, tags, ps] = await Promise.all([
    askJson(node, "/api/version"),
    askJson(node, "/api/tags"),
    askJson(node, "/api/ps"),
  ]);
  const disk = tags.models ?? [];
  const loaded = ps.models ?? [];
  texts().set(`t:${node.name}`, JSON.stringify(disk));
  texts().set(`r:${node.name}`, JSON.stringify(loaded));
  return {
    version: version.version ?? "",
    disk: disk.map(({ name }) => name),
    loaded: loaded.map(({ name }) => name),
    gpuPercent: Object.fromEntries(
      loaded.map(({ name, size, size_vram: inGpu }) => [
        name,
        size && inGpu !== undefined ? (100 * inGpu) / size : 100,
      ]),
    ),
  };
}

/** @param {RoutedNode} node */
async function askService(node) {
  if (node.healthPath !== undefined) {
    const { status } = await ask(node, node.healthPath);
    if (status < 200 || status > 299) throw new Error(`${node.healthPath} answered ${status}`);
  }
  const answer = await ask(node, "/v1/models");
  // Other servers need not have the page: they are asked for anything.
  const list = answer.status === 200 ? /** @type {Answer} */ (await answer.json()).data : [];
  if (!Array.isArray(list)) throw new Error("/v1/models has no list");
  texts().set(`t:${node.name}`, JSON.stringify(list));
  const models = list.map(({ id }) => String(id));
  return { disk: models, loaded: models };
}

/**
 * @param {RoutedNode} node
 * @param {string} path
 */
async function askJson(node, path) {
  const answer = await ask(node, path);
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
  return /** @type {Answer} */ (await answer.json());
}

/**
 * The host that the balancer's own requests have: Ollama refuses others.
 *
 * @param {RoutedNode} node
 * @param {string} path
 * @param {NgxFetchOptions} [options]
 */
export const ask = (node, path, options = {}) =>
  ngx.fetch(`${node.url}${path}`, {
    ...options,
    headers: { Host: "localhost:11434", ...options.headers },
  });
