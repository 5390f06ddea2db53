// What clients get from a mesh: their own libraries work, load goes where it is declared, and a node
// that dies takes no request with it that could still be answered.
import { Ollama } from "ollama";
import OpenAI from "openai";
import { describe, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { labConfig, model, slowModel, stackOfFile } from "../support/lab.ts";
import { failures, inFlight, load, type Outcome, served, startLoad } from "../support/load.ts";

vi.setConfig({ testTimeout: 120_000 });

const lab = stackOfFile(labConfig, { up: true });

const messages = [{ role: "user" as const, content: "the quick brown fox" }];
/** More tokens than asked for are never sent, and the models of the lab never stop by themselves. */
const TOKENS = 8;

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const parts: T[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

describe("the npm package ollama", () => {
  const client = () => new Ollama({ host: lab().url });
  const options = { num_predict: TOKENS };

  test("chats, whole and streamed", async () => {
    const whole = await client().chat({ model: model(), messages, options });
    expect(whole).toMatchObject({ done: true, done_reason: "length", eval_count: TOKENS });
    expect(whole.message.content).not.toBe("");

    const parts = await all(
      await client().chat({ model: model(), messages, options, stream: true }),
    );
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map(({ done }) => done)).toEqual(parts.map((_, i) => i === parts.length - 1));
    expect(parts.at(-1)).toMatchObject({ done_reason: "length", eval_count: TOKENS });
    expect(parts.map(({ message }) => message.content).join("")).not.toBe("");
  });

  test("generates, whole and streamed", async () => {
    const prompt = "the quick brown fox";
    const whole = await client().generate({ model: model(), prompt, options });
    expect(whole).toMatchObject({ done: true, done_reason: "length", eval_count: TOKENS });
    expect(whole.response).not.toBe("");

    const parts = await all(
      await client().generate({ model: model(), prompt, options, stream: true }),
    );
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.at(-1)).toMatchObject({ done: true, eval_count: TOKENS });
    expect(parts.map(({ response }) => response).join("")).not.toBe("");
  });

  test("gets tokens while the model still writes", async () => {
    const slow = await slowModel(lab().url);
    const at: number[] = [];
    const stream = await client().chat({
      model: slow,
      messages,
      options: { num_predict: 100 },
      stream: true,
    });
    for await (const _ of stream) at.push(performance.now());
    // One by one, not by the buffer: parts of one buffer come within the same millisecond.
    const apart = at.filter((time, i) => i > 0 && time - at[i - 1]! > 1);
    expect(apart.length).toBeGreaterThan(at.length / 2);
  });

  test("embeds, lists and shows", async () => {
    const { embeddings } = await client().embed({ model: model(), input: ["one", "two"] });
    expect(embeddings).toHaveLength(2);
    expect(embeddings[0]!.length).toBe(embeddings[1]!.length);
    expect(embeddings.flat().every(Number.isFinite)).toBe(true);

    const { models } = await client().list();
    expect(models.map(({ name }) => name.replace(/:latest$/, ""))).toContain(model());
    const shown = await client().show({ model: model() });
    expect(shown.capabilities).toContain("completion");
  });

  test("is refused what would change the models of one node", async () => {
    await expect(client().delete({ model: model() })).rejects.toMatchObject({
      status_code: 403,
      message:
        "this route changes one node and is not served to clients; balancer.management declares a listener that serves it for each node; the models themselves are declared in the stack config",
    });
  });
});

describe("the npm package openai", () => {
  // Without its own retries: the first answer counts.
  const client = () => new OpenAI({ baseURL: `${lab().url}/v1`, apiKey: "unused", maxRetries: 0 });
  const body = () => ({ model: model(), messages, max_tokens: TOKENS });

  test("completes a chat", async () => {
    const { data, response } = await client().chat.completions.create(body()).withResponse();
    expect(data.choices).toHaveLength(1);
    expect(data.choices[0]).toMatchObject({ finish_reason: "length" });
    expect(data.usage?.completion_tokens).toBe(TOKENS);
    expect(["a", "b"]).toContain(response.headers.get("x-mesh-node"));
  });

  test("completes a chat as a stream", async () => {
    const parts = await all(await client().chat.completions.create({ ...body(), stream: true }));
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map((part) => part.choices[0]?.delta.content ?? "").join("")).not.toBe("");
    expect(parts.findLast((part) => part.choices[0])?.choices[0]?.finish_reason).toBe("length");
  });

  test("lists models and embeds", async () => {
    const { data } = await client().models.list();
    expect(data.map(({ id }) => id.replace(/:latest$/, ""))).toContain(model());
    const { data: vectors } = await client().embeddings.create({
      model: model(),
      input: "one",
      encoding_format: "float",
    });
    expect(vectors[0]!.embedding.every(Number.isFinite)).toBe(true);
  });

  test("gets an error it understands", async () => {
    const refused = client().post("/nothing/here", { body: {} });
    await expect(refused).rejects.toMatchObject({
      status: 404,
      error: { type: "invalid_request_error" },
    });
  });
});

describe("load", () => {
  test("one request at a time is served by the node of the greatest weight, none by the backup", async () => {
    const outcomes = await load({
      url: lab().url,
      model: model(),
      tokens: 4,
      atATime: 1,
      total: 60,
    });
    expect(failures(outcomes)).toEqual([]);
    expect(served(outcomes)).toEqual({ a: 60 });
  });

  test("16 at a time: none of 200 streams fails, in flight by the weights, none at the backup", async () => {
    // Long answers: what a busy machine adds to each must not count.
    const ask = { url: lab().url, model: model(), tokens: 128 };
    const outcomes = await load({ ...ask, atATime: 16, total: 200 });
    expect(outcomes).toHaveLength(200);
    expect(failures(outcomes)).toEqual([]);
    expect(Object.keys(served(outcomes))).toEqual(["a", "b"]);
    const { a, b } = inFlight(outcomes, 16);
    expect(a! + b!).toBeCloseTo(16, 0);
    // 2 of 3; without weights it would be half.
    expect(a! / 16).toBeGreaterThan(0.58);
    expect(a! / 16).toBeLessThan(0.75);
  });

  test("a killed node takes only the streams with it that had begun; then the backup takes over", async () => {
    const { url, mesh } = lab();
    const running = startLoad({ url, model: model(), atATime: 16 });
    await running.more(40);

    await run("docker", ["kill", `${mesh}-a`]);
    const killed = performance.now();
    await running.more(100);
    const withoutA = running.soFar.filter(({ began }) => began > killed);
    expect(Object.keys(served(withoutA))).toEqual(["b"]);

    await run("docker", ["kill", `${mesh}-b`]);
    const alone = performance.now();
    await running.more(100);
    running.stop();
    const outcomes = await running.done;
    const withoutBoth = outcomes.filter(({ began }) => began > alone);
    expect(withoutBoth.length).toBeGreaterThan(50);
    expect(Object.keys(served(withoutBoth))).toEqual(["c"]);

    const early = outcomes.filter(({ failure }) => failure?.when === "before the first byte");
    expect(failures(early)).toEqual([]);
    // A node streams to numParallel clients at a time.
    expect(failures(outcomes).length).toBeLessThanOrEqual(4);
  });

  test("primaries that come back take the traffic back from the backup", async () => {
    const { url, mesh } = lab();
    await run("docker", ["start", `${mesh}-a`, `${mesh}-b`]);
    const all: Outcome[] = [];
    await until(
      "traffic at primaries and nowhere else",
      async () => {
        const outcomes = await load({ url, model: model(), tokens: 4, atATime: 4, total: 24 });
        all.push(...outcomes);
        // At one of the two or both: the second need not load the model while the first is quicker than a load.
        return !Object.keys(served(outcomes)).includes("c");
      },
      { seconds: 60 },
    );
    expect(failures(all)).toEqual([]);
  });
});
