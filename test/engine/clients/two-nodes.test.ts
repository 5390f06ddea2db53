// Clients as they are, before two real Ollamas that have different models: each sees the models of both, and what it
// asks of a model is answered by the node that has it.
import { Ollama } from "ollama";
import OpenAI from "openai";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { ask } from "../../behaviour/harness/client.ts";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { pythonPackages } from "../../judges/python-packages.ts";
import { atLab, labConfig, model, ollamaImage } from "../support/lab.ts";
import { freePort } from "../support/port.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 180_000 });

/** On the node that the mesh runs, and on the one that somebody else runs. */
const OURS = "a";
const THEIRS = "b";
/** A model that only THEIRS has. */
const OTHER = "other:1b";
const TOKENS = 8;
const messages = [{ role: "user" as const, content: "the quick brown fox" }];

let stack: Stack;
let managementUrl: string;
let theirs: string;
/** Every model of both nodes. */
let union: string[];

atLab(async () => {
  const address = await bridgeAddress();
  const [port, management] = [await freePort(), await freePort()];
  stack = await Stack.init({});
  managementUrl = `http://127.0.0.1:${management}`;
  theirs = `${stack.mesh}-theirs`;
  await run("docker", [
    ...["run", "--detach", "--name", theirs, "--network", "host"],
    ...["--env", `OLLAMA_HOST=${address}:${port}`, ollamaImage()],
  ]);
  const inside = (...args: string[]) => run("docker", ["exec", theirs, "ollama", ...args]);
  await until("their Ollama", () => inside("list").catch(() => undefined), { seconds: 60 });
  await inside("cp", model(), OTHER);
  await inside("rm", model());
  await stack.configure(
    labConfig({
      nodes: [
        { name: OURS, models: [model()] },
        { name: THEIRS, managed: false, address, port },
      ],
      models: [],
      balancer: { management: { port: management } },
    }),
  );
  await stack.up();
  const each = await Promise.all(
    [OURS, THEIRS].map((name) => tags(`${managementUrl}/nodes/${name}`)),
  );
  expect(each[0]).not.toContain(OTHER);
  expect(each[1]).not.toContain(named(model()));
  union = [...new Set(each.flat())].sort();
  await until("the list of both nodes", async () => (await tags(stack.url)).includes(OTHER), {
    seconds: 60,
  });
});
afterAll(async () => stack?.[Symbol.asyncDispose]());

const named = (name: string) => (name.includes(":") ? name : `${name}:latest`);
const tags = async (url: string) => {
  const { text } = await ask(`${url}/api/tags`);
  return (JSON.parse(text) as { models: { name: string }[] }).models.map(({ name }) => name);
};

/** Requests so far, as "node model status"; without /api/show, of which no model is counted. */
async function counted(): Promise<Record<string, number>> {
  const { text } = await ask(`${managementUrl}/metrics`);
  const lines = text.matchAll(
    /^mesh_requests_total\{node="(.*?)",model="(.*?)",status="(.*?)"\} (\d+)$/gm,
  );
  return Object.fromEntries(
    [...lines]
      .filter(([, , name, status]) => name !== "" || status !== "200")
      .map(([, node, name, status, count]) => [`${node} ${name} ${status}`, Number(count)]),
  );
}

let before: Record<string, number> = {};
beforeEach(async () => {
  before = await counted();
});

/** Waits until the balancer has counted as many requests since the test began, and says which. */
async function answered(count: number): Promise<Record<string, number>> {
  const since = async () => {
    const now = Object.entries(await counted());
    return now
      .map(([key, value]): [string, number] => [key, value - (before[key] ?? 0)])
      .filter(([, value]) => value > 0);
  };
  const found = await until(
    `${count} requests in /metrics`,
    async () => {
      const all = await since();
      return all.reduce((sum, [, value]) => sum + value, 0) >= count && all;
    },
    { seconds: 30 },
  );
  return Object.fromEntries(found);
}

/** So many requests for the model of each node, each answered there. */
const byEach = (count: number) => ({
  [`${OURS} ${named(model())} 200`]: count,
  [`${THEIRS} ${OTHER} 200`]: count,
});

const python = await pythonPackages("python-clients", import.meta.dirname);
const why = typeof python === "string" ? python : "";

describe.skipIf(why)(`a client in Python${why ? ` (${why})` : ""}`, () => {
  test.each([
    ["openai", (names: string[]) => names],
    ["ollama", (names: string[]) => names],
    ["litellm-openai", (names: string[]) => names],
    ["litellm-ollama", (names: string[]) => names.map((name) => `ollama/${name}`)],
    ["langchain-ollama", () => null],
    ["langchain-openai", () => null],
  ])("%s lists all models, chats with each, whole and streamed, and embeds", async (name, as) => {
    const env = { ...(python as NodeJS.ProcessEnv), LITELLM_LOCAL_MODEL_COST_MAP: "True" };
    const script = `${import.meta.dirname}/python_clients.py`;
    const asked = [model(), OTHER];
    const said = await run("python3", [script, name, stack.url, "unused", ...asked], { env });
    const seen = { answered: true, streamed: true, embedded: true };
    expect(JSON.parse(said)).toEqual({
      listed: as(union),
      asked: { [model()]: seen, [OTHER]: seen },
    });
    expect(await answered(6)).toEqual(byEach(3));
  });
});

async function partsOf<T>(stream: AsyncIterable<T>): Promise<number> {
  let count = 0;
  for await (const _ of stream) count++;
  return count;
}

test("the npm package ollama", async () => {
  const client = new Ollama({ host: stack.url });
  expect((await client.list()).models.map(({ name }) => name)).toEqual(union);
  for (const name of [model(), OTHER]) {
    const chat = { model: name, messages, options: { num_predict: TOKENS } };
    expect(await client.chat(chat)).toMatchObject({ model: name, eval_count: TOKENS });
    expect(await partsOf(await client.chat({ ...chat, stream: true }))).toBeGreaterThan(2);
    expect((await client.embed({ model: name, input: "one" })).embeddings).toHaveLength(1);
  }
  expect(await answered(6)).toEqual(byEach(3));
  expect((await client.ps()).models.map(({ name }) => name)).toContain(OTHER);
});

test("the npm package openai", async () => {
  const client = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: "unused", maxRetries: 0 });
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(union);
  for (const name of [model(), OTHER]) {
    const { id } = await client.models.retrieve(name);
    expect(id).toBe(named(name));
    const chat = { model: name, messages, max_tokens: TOKENS };
    expect((await client.chat.completions.create(chat)).usage?.completion_tokens).toBe(TOKENS);
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    expect(await partsOf(stream)).toBeGreaterThan(2);
    expect((await client.embeddings.create({ model: name, input: "one" })).data).toHaveLength(1);
  }
  expect(await answered(6)).toEqual(byEach(3));
});

test("the command ollama: list, show, run", async () => {
  const cli = (...args: string[]) =>
    run("docker", ["exec", "--env", `OLLAMA_HOST=${stack.url}`, theirs, "ollama", ...args]);
  const [, ...lines] = (await cli("list")).trim().split("\n");
  expect(lines.map((line) => line.split(/\s/)[0])).toEqual(union);
  for (const name of [model(), OTHER]) {
    expect(await cli("show", name)).toContain("completion");
    expect((await cli("run", name, "the quick brown fox")).trim()).not.toBe("");
  }
  expect(await answered(2)).toEqual(byEach(1));
});

describe("what Open WebUI asks", () => {
  const headers = { "content-type": "application/json", authorization: "Bearer unused" };
  const get = async (path: string) => {
    const { status, text } = await ask(`${stack.url}${path}`, { headers });
    expect(status).toBe(200);
    return JSON.parse(text) as unknown;
  };
  const post = async (path: string, body: object) => {
    const answer = await ask(`${stack.url}${path}`, { headers, body: JSON.stringify(body) });
    expect(answer.status).toBe(200);
    return answer;
  };

  test("of Ollama: version, tags, ps, show, chat, generate, embed", async () => {
    expect(await get("/api/version")).toEqual({ version: expect.stringMatching(/^\d+\.\d+/) });
    expect(await tags(stack.url)).toEqual(union);
    for (const name of [model(), OTHER]) {
      const { text } = await post("/api/show", { model: name });
      expect(JSON.parse(text)).toMatchObject({
        capabilities: expect.arrayContaining(["completion"]),
      });
      const options = { num_predict: TOKENS };
      const chat = await post("/api/chat", { model: name, messages, options, stream: true });
      expect(chat.headers["content-type"]).toBe("application/x-ndjson");
      expect(chat.text.trim().split("\n").length).toBeGreaterThan(2);
      await post("/api/generate", { model: name, prompt: "fox", options, stream: false });
      await post("/api/embed", { model: name, input: ["one", "two"] });
    }
    expect(await answered(6)).toEqual(byEach(3));
    const running = (await get("/api/ps")) as { models: { name: string; expires_at: string }[] };
    expect(running.models.map(({ name }) => name)).toEqual(
      expect.arrayContaining([named(model()), OTHER]),
    );
    // It reads the time until which each stays loaded.
    expect(running.models.every(({ expires_at: at }) => Date.parse(at) > Date.now())).toBe(true);
  });

  test("of OpenAI: models, chat, embeddings", async () => {
    const { data } = (await get("/v1/models")) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(union);
    for (const name of [model(), OTHER]) {
      expect(await get(`/v1/models/${name}`)).toMatchObject({ id: named(name) });
      const chat = { model: name, messages, stream: true, max_tokens: TOKENS };
      const { headers: said, text } = await post("/v1/chat/completions", chat);
      expect(said["content-type"]).toBe("text/event-stream");
      expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
      await post("/v1/embeddings", { model: name, input: ["one"] });
    }
    expect(await answered(4)).toEqual(byEach(2));
  });
});

test("no node was asked for a model that it does not have", async () => {
  for (const container of [`${stack.mesh}-${OURS}`, theirs]) {
    const lines = (await run("docker", ["logs", container])).split("\n");
    expect(lines.filter((line) => / (?:POST|GET) /.test(line)).length).toBeGreaterThan(6);
    expect(lines.filter((line) => / 404 /.test(line))).toEqual([]);
  }
});
