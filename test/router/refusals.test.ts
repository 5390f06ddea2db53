import { Agent } from "node:http";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { lacking } from "../support/needs.ts";
import { until } from "../../toolchain/until.mjs";
import { type Answered, ask } from "../behaviour/harness/client.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

/** Two nodes with two places, answers of half a second: eight answers per second. */
const PLACES = 2;
const TOKENS = 10;
const EVERY_MS = 50;
/** Longest wait that the balancer lets a request have. */
const LONGEST_SECONDS = 2;

describe.skipIf(why)(`a mesh whose places are all taken${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh;
  beforeAll(async () => {
    mesh = await RoutedMesh.start(
      image,
      ["a", "b"].map((name) => ({
        name,
        models: ["m:latest"],
        places: PLACES,
        everyMs: EVERY_MS,
      })),
      { balancer: { queue: { longestWaitSeconds: LONGEST_SECONDS } } },
    );
    // So that it is known how long an answer takes.
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 4 }, () => mesh.chat("m", { tokens: TOKENS })));
    }
    await until(
      "measured turn",
      async () => ((await mesh.metrics()).get('mesh_node_turn_seconds{node="b"}') ?? 0) > 0.1,
      { seconds: 30 },
    );
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("who would have to wait longer than is allowed is refused, and told when to come back", async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => mesh.chat("m", { tokens: TOKENS })),
    );
    const served = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 503);
    expect(served.length + refused.length).toBe(100);
    expect(served.length).toBeGreaterThanOrEqual(8);
    expect(refused.length).toBeGreaterThanOrEqual(50);
    const told = refused.map((answer) => Number(answer.headers["retry-after"]));
    for (const seconds of told) {
      expect(seconds).toBeGreaterThanOrEqual(LONGEST_SECONDS);
      expect(seconds).toBeLessThanOrEqual(60);
    }
  });

  test("who comes back as told is served", async () => {
    const waiting = Array.from({ length: 80 }, () => mesh.chat("m", { tokens: TOKENS }));
    const refused = await until(
      "refusal",
      async () => {
        const answer = await mesh.chat("m", { tokens: TOKENS });
        return answer.status === 503 && answer;
      },
      { seconds: 30 },
    );
    const told = Number(refused.headers["retry-after"]) * 1000;
    const since = Date.now();
    await until("the time that was told", async () => Date.now() - since >= told, { seconds: 30 });
    expect((await mesh.chat("m", { tokens: TOKENS })).status).toBe(200);
    await Promise.all(waiting);
    const left = async () => Object.values(await mesh.inFlight()).every((one) => one === 0);
    await until("places given back", left, { seconds: 30 });
  });
});

describe.skipIf(why)(`a mesh where nobody may wait${why ? ` (${why})` : ""}`, () => {
  const leave = new AbortController();
  let mesh: RoutedMesh;
  beforeAll(async () => {
    mesh = await RoutedMesh.start(
      image,
      ["a", "b"].map((name) => ({ name, models: ["m:latest"], places: 1, everyMs: EVERY_MS })),
      { data: { waitingPerPlace: 0 } },
    );
    for (const _ of mesh.nodes) {
      mesh.chat("m", { tokens: 10_000, signal: leave.signal }).catch(() => undefined);
    }
    const taken = async () => Object.values(await mesh.inFlight()).every((one) => one === 1);
    await until("all places taken", taken, { seconds: 30 });
  });
  afterAll(async () => {
    leave.abort();
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each([
    ["/api/chat", (message: string) => ({ error: message })],
    [
      "/v1/chat/completions",
      (message: string) => ({
        error: { message, type: "server_error", param: null, code: "server_busy" },
      }),
    ],
    [
      "/v1/messages",
      (message: string) => ({ type: "error", error: { type: "overloaded_error", message } }),
    ],
  ])("a refusal has the shape of %s", async (path, shape) => {
    const answers: Answered[] = [];
    for (let count = 0; count < 10; count++) answers.push(await mesh.post(path, { model: "m" }));
    for (const { status, headers, text } of answers) {
      expect([status, headers["content-type"]]).toEqual([503, "application/json"]);
      expect(JSON.parse(text)).toEqual(
        shape(`server busy: all places are taken; try again in ${headers["retry-after"]} s`),
      );
    }
  });

  test("a large body that is refused is read to its end, and the connection goes on", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = { model: "m", messages: ["x".repeat(3_000_000)] };
    for (const _ of [1, 2]) {
      expect((await mesh.post("/api/chat", body, { agent })).status).toBe(503);
    }
    agent.destroy();
  });

  test("lists are answered all the same", async () => {
    expect((await ask(`${mesh.balancer.url}/api/tags`)).status).toBe(200);
    expect((await ask(`${mesh.balancer.url}/api/version`)).status).toBe(200);
  });
});
