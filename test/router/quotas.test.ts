import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { WORKERS } from "../../steps/balancer/nginx-workers.ts";
import { until } from "../../toolchain/until.mjs";
import { ask, type Answered } from "../behaviour/harness/client.ts";
import { lacking } from "../support/needs.ts";
import { PROMPT_TOKENS } from "./harness/counting-node.ts";
import { KeyedMesh, SETTLED } from "./harness/keyed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const CLIENTS = 64;

describe.skipIf(why)(`quotas of keys${why ? ` (${why})` : ""}`, () => {
  let mesh: KeyedMesh;
  beforeAll(async () => {
    mesh = await KeyedMesh.start(image, {
      anna: {},
      hundred: { requestsPerDay: 100 },
      tokens: { tokensPerDay: 40 },
      one: { models: ["m"] },
      gone: { expires: "2026-01-31" },
    });
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("of 64 clients as many get an answer as the key has requests, whatever is reloaded and killed", async () => {
    const before = mesh.node.asked;
    const clients = Array.from({ length: CLIENTS }, async () => {
      const statuses: number[] = [];
      for (let turn = 0; turn < 5; turn++) {
        const { status } = await settled(
          mesh.post("hundred", "/api/chat", { tokens: 3, everyMs: 20 }),
        );
        statuses.push(status);
      }
      return statuses;
    });
    await until("some answers", () => Promise.resolve(mesh.node.asked - before > 10), SETTLED);
    await mesh.front.exec("sh", "-c", `${WORKERS}\nkill -9 $(workers | head -n 1)`);
    await mesh.front.reload(mesh.config);
    const statuses = (await Promise.all(clients)).flat();
    const [used] = await mesh.usedBy("hundred");
    const answered = statuses.filter((status) => status === 200).length;
    const refused = statuses.filter((status) => status === 429).length;
    const cut = statuses.filter((status) => status === 0).length;
    expect([answered + refused + cut, used!.requests]).toEqual([320, 100]);
    // What was cut by the kill was let in, or had not been asked for yet.
    expect(answered).toBeLessThanOrEqual(100);
    expect(answered + cut).toBeGreaterThanOrEqual(100);
    expect(mesh.node.asked - before).toBeLessThanOrEqual(100);
    const { today } = await mesh.usage();
    expect(today.find((one) => one.key === "hundred")).toMatchObject({
      requests: 100,
      requestsPerDay: 100,
    });
  });

  test("tokens of a day end it, in the words of each API, with when it goes on", async () => {
    expect((await mesh.post("tokens", "/api/chat", { tokens: 40 })).status).toBe(200);
    await mesh.used("tokens", [1, PROMPT_TOKENS, 40, 0]);
    const said = await Promise.all(
      ["/api/chat", "/v1/chat/completions", "/v1/messages"].map((path) =>
        mesh.post("tokens", path, {}, { headers: { "x-request-id": `spent${path.length}` } }),
      ),
    );
    for (const { status, headers } of said) {
      const seconds = Number(headers["retry-after"]);
      expect([status, headers["x-should-retry"]]).toEqual([429, "false"]);
      expect(Math.abs(86_400 - ((Date.now() / 1000) % 86_400) - seconds)).toBeLessThan(5);
    }
    const [ollama, openai, anthropic] = said.map(({ text }) => JSON.parse(text) as unknown);
    const message = expect.stringMatching(
      /^this API key has used its 40 tokens of today; it may go on at midnight UTC, in \d+ s$/,
    ) as string;
    const code = "insufficient_quota";
    expect(ollama).toEqual({ error: message });
    expect(openai).toEqual({ error: { message, type: code, param: null, code } });
    expect(anthropic).toEqual({ type: "error", error: { type: "rate_limit_error", message } });
    expect(await mesh.front.logged("spent9")).toMatchObject({
      key: "tokens",
      status: "429",
      refused: "429 tokensPerDay",
      node: "",
    });
    await mesh.used("tokens", [1, PROMPT_TOKENS, 40, 0]);
  });

  test.each<[string, object]>([
    ["another model", { model: "other" }],
    ["no model", { model: undefined }],
    ["a model twice", { Model: "other" }],
    ["an unknown one", { model: "secret" }],
  ])("a key with models is refused %s", async (_, body) => {
    const { status, text } = await mesh.post("one", "/v1/chat/completions", body);
    expect([status, JSON.parse(text)]).toEqual([
      403,
      {
        error: {
          message: "this API key may use m:latest only, and a request must name one of them, once",
          type: "invalid_request_error",
          param: "model",
          code: "model_not_allowed",
        },
      },
    ]);
  });

  test("a key with models uses them, and sees no others in lists", async () => {
    expect((await mesh.post("one", "/api/chat", { model: "m:latest" })).status).toBe(200);
    const read = async (name: string, path: string) =>
      (await ask(`${mesh.front.bridgeUrl}${path}`, mesh.as(name))).text;
    for (const path of ["/api/tags", "/v1/models", "/api/ps"]) {
      expect(await read("anna", path)).toContain("other:latest");
      expect(await read("one", path)).toContain("m:latest");
      expect(await read("one", path)).not.toContain("other");
    }
    expect(await read("one", "/v1/models/other")).not.toContain("other");
    expect(await read("one", "/v1/models/m")).toContain('"id":"m:latest"');
  });

  test.each([
    ["POST", "/api/chat"],
    ["GET", "/api/version"],
    ["GET", "/api/tags"],
    ["POST", "/api/pull"],
  ])("an expired key is refused with words: %s %s", async (method, path) => {
    const { status, text, headers } = await ask(
      `${mesh.front.bridgeUrl}${path}`,
      mesh.as("gone", { method, ...(method === "POST" ? { body: '{"model":"m"}' } : {}) }),
    );
    expect([status, JSON.parse(text), headers["www-authenticate"]]).toEqual([
      401,
      {
        error:
          "this API key expired at the end of 2026-01-31 (UTC); ask who runs the mesh for another one",
      },
      'Bearer realm="ollama-mesh"',
    ]);
  });
});

/** What a client saw, or that its answer broke off. */
async function settled(answer: Promise<Answered>): Promise<{ status: number }> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error) return { status: 0 };
    throw error;
  }
}
