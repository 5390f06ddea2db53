import { beforeEach, describe, expect, test, vi } from "vitest";

import {
  list,
  model,
  mergeModels,
  mergeRunning,
  mergeTags,
} from "../../../../templates/njs/lists.js";
import { poll } from "../../../../templates/njs/nodes/inventory.js";
import { mayUse } from "../../../../templates/njs/usage/quota.js";
import { lookUp, type View } from "../../../../templates/njs/view.js";
import { zones } from "../shared-memory.ts";
import { fetch, ollama } from "../stand-in-ollama.ts";

vi.mock("../../../../templates/njs/data.js", () => ({
  default: {
    nodes: [
      { name: "a", kind: "ollama", url: "http://a" },
      { name: "dead", kind: "ollama", url: "http://dead" },
      { name: "voice", kind: "service", url: "http://voice" },
    ],
    keys: { one: { models: ["m:latest"] } },
    judged: true,
  },
}));
/** A server without lists. */
const voice = async (url: string) => ({
  status: url === "http://voice/v1/models" ? 404 : 200,
  headers: new Headers(),
});
vi.stubGlobal("ngx", {
  shared: zones,
  fetch: (url: string) => (url.startsWith("http://voice") ? voice(url) : fetch(url)),
});
beforeEach(() => {
  for (const zone of Object.values(zones)) zone.clear();
});

/** What the balancer says itself; undefined where it asks some node. */
function said(handler: (r: NginxHTTPRequest) => void, uri: string, key = "") {
  const answer: { status?: number; body?: unknown } = {};
  const request = {
    ...{ uri, headersIn: {}, headersOut: {}, variables: { mesh_key: key } },
    internalRedirect: () => undefined,
    return: (status: number, text: string) => {
      Object.assign(answer, { status, body: JSON.parse(text) as unknown });
    },
  };
  handler(request as unknown as NginxHTTPRequest);
  return answer.status === undefined ? undefined : answer;
}

test("each model is listed once, by name, and the newest of two with one name", () => {
  const old = { name: "a", modified_at: "2026-01-01T00:00:00Z", digest: "old" };
  const recent = { name: "a", modified_at: "2026-02-01T00:00:00Z", digest: "new" };
  const other = { name: "b", modified_at: "2026-01-01T00:00:00Z" };
  expect(mergeTags([[other, old], [recent], []])).toEqual([recent, other]);
  expect(mergeTags([[recent], [old, other]])).toEqual([recent, other]);
});

test("a loaded model stays as long as the last node keeps it", () => {
  const short = { name: "a", expires_at: "2026-01-01T00:05:00Z" };
  const long = { name: "a", expires_at: "2026-01-01T01:00:00Z" };
  expect(mergeRunning([[short], [long]])).toEqual([long]);
});

test("OpenAI's list has Ollama's models as Ollama writes them, and other servers' as they are", () => {
  const tags = [
    { name: "a:7b", modified_at: "2026-01-01T00:00:00Z" },
    { name: "hf.co/owner/b:Q4", modified_at: "no time" },
  ];
  const vllm = { id: "meta/c", object: "model", owned_by: "vllm", max_model_len: 8192 };
  expect(mergeModels(tags, [[vllm], [vllm]])).toEqual([
    { id: "a:7b", object: "model", created: 1767225600, owned_by: "library" },
    { id: "hf.co/owner/b:Q4", object: "model", created: 0, owned_by: "owner" },
    vllm,
  ]);
});

describe("a model's name as Ollama reads it", () => {
  const none = { loaded: [], disk: [], backup: [], drain: [], doubt: [], gone: [] };
  const names = ["llama3.2:3b", "Own:latest", "hf.co/a/B-GGUF:Q4_K_M", "a/b:1b", "Qwen/Qwen3"];
  const view = (): View => ({
    nodes: [],
    models: Object.fromEntries(names.map((name) => [name, none])),
    any: none,
    complete: true,
    asked: new Map(),
  });

  test.each([
    ["llama3.2:3b", "llama3.2:3b"],
    ["Own", "Own:latest"],
    ["LLAMA3.2:3B", "llama3.2:3b"],
    ["own", "Own:latest"],
    ["library/llama3.2:3b", "llama3.2:3b"],
    ["registry.ollama.ai/library/llama3.2:3b", "llama3.2:3b"],
    ["https://registry.ollama.ai/library/llama3.2:3b", "llama3.2:3b"],
    ["registry.ollama.ai/a/b:1b", "a/b:1b"],
    ["hf.co/a/b-gguf:q4_k_m", "hf.co/a/B-GGUF:Q4_K_M"],
    ["Qwen/Qwen3", "Qwen/Qwen3"],
  ])("%s is %s", (asked, name) => {
    expect(lookUp(view(), asked)?.name).toBe(name);
    expect(mayUse([asked], name)).toBe(true);
  });

  test.each(["llama3.2", "b:1b", "c/b:1b", "library/a/b:1b", "hf.co/a/b-gguf", "qwen/qwen3", ""])(
    "%j is none of them",
    (asked) => {
      expect(lookUp(view(), asked)).toBeUndefined();
    },
  );

  test("spellings of clients' own are not kept: there are as many as they like", () => {
    const of = view();
    lookUp(of, "LLAMA3.2:3b");
    lookUp(of, "lLaMa3.2:3b");
    expect([...of.asked!.keys()]).toEqual(["llama3.2:3b"]);
  });
});

test.each([
  ["/api/tags", { models: [] }],
  ["/api/ps", { models: [] }],
  ["/v1/models", { object: "list", data: [] }],
])(
  "a key with models gets a list of its API from %s also before any node was asked",
  (uri, body) => {
    expect(said(list, uri, "one")).toEqual({ status: 200, body });
  },
);

test("neither a node that is dead since nginx began nor a server without lists keeps the others' from clients", async () => {
  ollama.disk = ["m:latest"];
  await poll();
  expect(said(list, "/api/tags")).toBeUndefined();
  await poll();
  expect(said(list, "/api/tags")).toEqual({
    status: 200,
    body: { models: [{ name: "m:latest" }] },
  });
  const entry = { id: "m:latest", object: "model", created: 0, owned_by: "library" };
  expect(said(list, "/v1/models")).toMatchObject({ body: { data: [entry] } });
  expect(said(model, "/v1/models/m")).toEqual({ status: 200, body: entry });
  expect(said(model, "/v1/models/other")).toBeUndefined();
});
