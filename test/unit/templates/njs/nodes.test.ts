import { beforeEach, expect, test, vi } from "vitest";

import { poll } from "../../../../templates/njs/nodes/inventory.js";
import { probe } from "../../../../templates/njs/nodes/probe.js";
import { tick } from "../../../../templates/njs/nodes/tick.js";
import { meshGauges } from "../../../../templates/njs/pages/mesh-gauges.js";
import { gauges, prometheus } from "../../../../templates/njs/pages/metrics.js";
import { route } from "../../../../templates/njs/requests/hint.js";
import type { View } from "../../../../templates/njs/view.js";
import { zones } from "../shared-memory.ts";
import { fetch, ollama } from "../stand-in-ollama.ts";
import type { RoutedNode } from "../../../../templates/router-data.ts";

vi.mock("../../../../templates/njs/nodes/other-nginx.js", () => ({
  isBesideAnother: () => false,
}));

vi.mock("fs", () => {
  const fs = {
    readFileSync: (path: string) => {
      if (/^\/proc\/\d+\/comm$/.test(path)) return "nginx";
      throw new Error(`no file ${path}`);
    },
  };
  return { default: fs, ...fs };
});

const data = vi.hoisted(() => ({
  nodes: [] as RoutedNode[],
  choice: "earliest",
  judged: true,
  longestWaitSeconds: 60,
  waitingPerPlace: 64,
  loadSeconds: 20,
}));
vi.mock("../../../../templates/njs/data.js", () => ({ default: data }));

const numbers = zones["mesh_numbers_1"]!;
const texts = zones["mesh_texts_1"]!;

vi.stubGlobal("ngx", { shared: zones, fetch });

const M = "m:latest";
const PAIR = `a|${M}`;
const NODE: RoutedNode = { name: "a", kind: "ollama", url: "http://a", places: 4 };

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-11-26T12:00:00Z") });
  for (const zone of Object.values(zones)) zone.clear();
  data.nodes = [NODE];
  Object.assign(ollama, {
    version: "0.32.15",
    disk: [M],
    loaded: [],
    silent: () => false,
    asked: [],
  });
});

const after = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
const verdict = () =>
  JSON.parse(String(texts.get("verdicts"))).a as { state: string; models: object };
const view = () => JSON.parse(String(texts.get("view"))) as View;
const isBusy = (count: number) => {
  zones["mesh_held_1"]!.set(`${process.pid}|${PAIR}`, count);
  numbers.set("i:a", count);
};
const probes = () => ollama.asked.filter(({ path }) => path === "/api/generate");

/** What polls, ticks and probes do in so many seconds: the states in which they find the node. */
async function pass(seconds: number): Promise<string[]> {
  const states = new Set<string>();
  for (let at = 1; at <= seconds; at++) {
    after(1);
    tick();
    if (at % 3 === 0) await poll();
    if (at % 2 === 0) await probe();
    states.add(verdict().state);
  }
  return [...states];
}

/** A request for M that chooses a node. */
function ask(variables: Record<string, string> = {}) {
  const request = {
    method: "POST",
    uri: "/api/chat",
    headersIn: {},
    variables,
    requestBuffer: Buffer.from(JSON.stringify({ model: M })),
    error: (text: string) => {
      throw new Error(text);
    },
  };
  return route(request as unknown as NginxHTTPRequest);
}

/** A node with M in memory that has given a token. */
async function isWell() {
  ollama.loaded = [{ name: M, context_length: 32_768 }];
  await poll();
  numbers.set(`p:${PAIR}`, Date.now());
}

const noToken = (path: string) => path === "/api/generate";

test("a node that loads a model keeps its list of loaded ones waiting, and is there all the same", async () => {
  ollama.loaded = [{ name: "other:1b" }];
  ollama.disk = [M, "other:1b"];
  await poll();
  ollama.silent = (path) => path === "/api/ps";
  await pass(30);
  expect(verdict()).toEqual({ state: "ok", models: { "other:1b": "ok" } });
  expect(view().models[M]).toMatchObject({ disk: [0], gone: [] });
});

test.each([
  ["at once", noToken, 5],
  [
    "after what a load may take, where its list of loaded models waits too",
    (path: string) => path === "/api/ps" || noToken(path),
    301,
  ],
])("a node that hangs is wedged %s", async (_, silent, seconds) => {
  await isWell();
  isBusy(1);
  ollama.silent = silent;
  expect(await pass(seconds)).toEqual(["ok", "quiet"]);
  expect(await pass(2)).toEqual(["quiet", "wedged"]);
});

test("a prompt fills a model that Ollama serves to one after the other: there a probe would only wait", async () => {
  await isWell();
  ollama.loaded = [{ name: M, details: { family: "qwen35" } }];
  await poll();
  isBusy(1);
  ollama.silent = noToken;
  expect(await pass(120)).toEqual(["ok", "quiet"]);
  expect(probes()).toEqual([]);
});

test("a node that was restarted and loads its model is not wedged by what was before", async () => {
  await isWell();
  isBusy(1);
  ollama.silent = noToken;
  await pass(20);
  isBusy(0);
  ollama.loaded = [];
  await pass(6);
  expect(verdict().state).toBe("ok");
  isBusy(1);
  ollama.loaded = [{ name: M }];
  expect(await pass(120)).toEqual(["ok", "quiet"]);
});

test("a node that was gone, and loads its model when it is seen again, is not wedged by what was before", async () => {
  await isWell();
  isBusy(1);
  ollama.silent = noToken;
  await pass(20);
  ollama.silent = () => true;
  await pass(9);
  expect(verdict().state).toBe("gone");
  ollama.silent = noToken;
  expect(await pass(120)).not.toContain("wedged");
});

test.each([
  ["a backup", { backup: true as const }],
  ["a node", {}],
])("%s that loads a model for a request is not taken for one that hangs", async (_, more) => {
  data.nodes = [{ ...NODE, ...more }];
  await poll();
  expect(ask()).toBe("a");
  ollama.loaded = [{ name: M }];
  ollama.silent = noToken;
  expect(await pass(120)).toEqual(["ok", "quiet"]);
});

test("a session's request that loads a model is not taken for one that hangs", async () => {
  Object.assign(data, { session: { cookie: "c", prefixBytes: 0, seconds: 60, bound: 1.25 } });
  await poll();
  expect(ask({ cookie_c: "a" })).toBe("a");
  expect(numbers.get(`l:${PAIR}`)).toBe(Date.now());
  Object.assign(data, { session: undefined });
});

test("a load whose client has gone leaves no doubt for ever", async () => {
  await isWell();
  ollama.loaded = [];
  await poll();
  after(60);
  ask();
  ollama.loaded = [{ name: M }];
  ollama.silent = noToken;
  await pass(20);
  expect(verdict().state).toBe("quiet");
  isBusy(0);
  ollama.silent = () => false;
  await pass(300);
  expect(verdict().state).toBe("ok");
});

test("a probe asks for the context that the model is loaded with, which Ollama would load anew for another", async () => {
  await isWell();
  isBusy(1);
  await pass(6);
  expect(probes().map(({ body }) => body?.["options"])).toEqual([
    { num_predict: 1, num_ctx: 32_768 },
  ]);
});

test.each(["0.29.4", "0.0.0", ""])(
  "a probe of Ollama %j, whose list may tell of another context, asks for none",
  async (version) => {
    ollama.version = version;
    await isWell();
    isBusy(1);
    await pass(6);
    expect(probes().map(({ body }) => body?.["options"])).toEqual([{ num_predict: 1 }]);
  },
);

test("whatever a node calls its models, and leaves out, the others are served", async () => {
  ollama.disk = [M, "constructor", "__proto__"];
  ollama.loaded = [{ name: M, size: null, size_vram: null }, { name: "toString" }];
  ollama.version = null;
  await poll();
  tick();
  expect(Object.keys(view().models).sort()).toEqual(["__proto__", "constructor", M, "toString"]);
  expect(view().models["constructor"]).toMatchObject({ disk: [0], doubt: [] });
  expect(gauges().map(({ name }) => name)).toContain("mesh_node_models");
  expect(prometheus([], meshGauges())).toContain(
    `mesh_model_memory_bytes{node="a",model="${M}"} 0\nmesh_model_memory_bytes{node="a",model="toString"} 0\n`,
  );
});

test("a model whose only node is silent over a long prompt counts as there, and one that hangs does not", async () => {
  const nodes = () =>
    prometheus([], meshGauges()).match(/^mesh_model_nodes\{model="m:latest"\} (\d)$/m)?.[1];
  await isWell();
  isBusy(1);
  ollama.silent = noToken;
  await pass(5);
  expect([verdict().state, nodes()]).toEqual(["quiet", "1"]);
  await pass(5);
  expect([verdict().state, nodes()]).toEqual(["wedged", "0"]);
});
