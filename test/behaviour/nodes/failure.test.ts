import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { BALANCER } from "../../../config/defaults.ts";
import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { ask, BrokenAnswer, CHAT, nodeOf, tally } from "../harness/client.ts";
import { load, served } from "../harness/load.ts";
import { ToyMesh } from "../harness/mesh.ts";
import type { Answer } from "../harness/toy-answers.ts";
import type { ToyNode } from "../harness/toy-node.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const STREAM = { kind: "tokens", count: 5, everyMs: 20 } satisfies Answer;
/** Until the node is tried again, and what a loaded machine adds. */
const BACK_SECONDS = BALANCER.failTimeoutSeconds + 10;

describe.skipIf(why)(`failure${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  let [a, b]: ToyNode[] = [];
  let chat: string;

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a", "b", "c"]);
    [a, b] = mesh.nodes as [ToyNode, ToyNode, ToyNode];
    chat = `${mesh.balancer.url}/api/chat`;
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => {
    for (const node of mesh.nodes) node.answer = { kind: "ok" };
  });

  test.each<[string, Answer]>([
    ["resets", { kind: "reset" }],
    ["answers 500", { kind: "status", status: 500 }],
    ["answers 502", { kind: "status", status: 502 }],
    ["answers 503", { kind: "status", status: 503 }],
    ["has no such model", { kind: "status", status: 404 }],
  ])("llm: what a node that %s would not serve, another one does", async (_, answer) => {
    await mesh.reload({ algorithm: "round_robin" });
    a!.answer = answer;
    expect(await tally(chat, 6, ({ status }) => String(status))).toEqual({ 200: 6 });
    expect(a!.count()).toBeGreaterThanOrEqual(2);
  });

  test("llm: a node that goes on failing is left out after maxFails tries", async () => {
    await mesh.reload({ algorithm: "round_robin", failTimeoutSeconds: 30 });
    a!.answer = { kind: "status", status: 500 };
    expect(await tally(chat, 45, ({ status }) => String(status))).toEqual({ 200: 45 });
    expect(a!.count()).toBe(BALANCER.maxFails);
  });

  test("a model that no node has is 404 and counts as nobody's failure", async () => {
    await mesh.reload({ failTimeoutSeconds: 30 });
    for (const node of mesh.nodes) node.answer = { kind: "status", status: 404 };
    expect(await tally(chat, 12, ({ status }) => String(status))).toEqual({ 404: 12 });
    expect(mesh.counts()).toEqual({ a: 12, b: 12, c: 12 });
  });

  test("strict: a POST is sent once, whatever becomes of it", async () => {
    await mesh.reload({ retry: { profile: "strict" } });
    for (const node of mesh.nodes) node.answer = { kind: "reset" };
    expect((await ask(chat, CHAT)).status).toBe(503);
    for (const node of mesh.nodes) node.answer = { kind: "status", status: 500 };
    expect((await ask(chat, CHAT)).status).toBe(500);
    expect(mesh.nodes.reduce((sum, node) => sum + node.count(), 0)).toBe(2);
  });

  test("strict: a node that cannot be connected to is passed over", async () => {
    await mesh.reload({ algorithm: "round_robin", retry: { profile: "strict" } });
    await a!.die();
    expect(await tally(chat, 9, ({ status }) => String(status))).toEqual({ 200: 9 });
    await a!.listen();
  });

  const withoutCodes = (conf: string) => conf.replace(/ http_50[0-9]/g, "");

  test.each<[string, boolean, (conf: string) => string]>([
    [
      "with 500 in the retry set, no client sees the node that fails at once",
      true,
      (conf) => `${conf}\n`,
    ],
    ["without it, that node attracts most of the traffic", false, withoutCodes],
  ])("%s", async (_, ours, edit) => {
    await mesh.reload({}, {}, { edit });
    // Without: so slow that the failing node is the quicker one on any machine.
    for (const node of mesh.nodes) node.answer = ours ? STREAM : { ...STREAM, everyMs: 250 };
    a!.answer = { kind: "status", status: 500 };
    const [clients, began] = [6, Date.now()];
    const all = await load(chat, { clients, requests: 90 }).done;
    const errors = all.filter((one) => !served(one)).length;
    if (ours) {
      expect(errors).toBe(0);
      // Then all that were there at the same time, and one for each time that it is tried again.
      const again = Math.ceil((Date.now() - began) / 1000 / BALANCER.failTimeoutSeconds);
      expect(a!.count()).toBeLessThan(BALANCER.maxFails + clients + again);
    } else expect([errors, a!.count()]).toEqual([expect.toSatisfy((n: number) => n > 45), errors]);
  });

  test("a killed node costs no client anything, and is used again within seconds of its return", async () => {
    await mesh.reload({});
    await a!.die();
    expect(await tally(chat, 12, ({ status }) => String(status))).toEqual({ 200: 12 });
    await a!.listen();
    await until("a request at the node", async () => nodeOf(await ask(chat, CHAT)) === "a", {
      seconds: BACK_SECONDS,
    });
  });

  test("with no node left clients get 503 as JSON and a time to come again", async () => {
    await mesh.reload({});
    for (const node of mesh.nodes) await node.die();
    const answer = await ask(chat, CHAT);
    expect(answer.status).toBe(503);
    expect(answer.headers["retry-after"]).toMatch(/^\d+$/);
    expect(JSON.parse(answer.text)).toEqual({ error: expect.stringContaining("no node") });
    for (const node of mesh.nodes) await node.listen();
    await until("a served request", async () => (await ask(chat, CHAT)).status === 200, {
      seconds: BACK_SECONDS,
    });
  });

  test.each<[string, Answer]>([
    ["after its headers", { kind: "reset-after-headers" }],
    ["in the middle", { kind: "tokens", count: 9, everyMs: 5, breakAfter: 4 }],
  ])(
    "an answer that breaks off %s is not begun again elsewhere: the client sees it broken",
    async (_, answer) => {
      await mesh.reload({});
      for (const node of mesh.nodes) node.answer = answer;
      const broken = await ask(chat, CHAT).catch((error: BrokenAnswer) => error);
      expect(broken).toBeInstanceOf(BrokenAnswer);
      expect(broken.status).toBe(200);
      expect(mesh.nodes.reduce((sum, node) => sum + node.count(), 0)).toBe(1);
    },
  );

  test("a redirect goes to the client as it is", async () => {
    await mesh.reload({});
    const location = "http://elsewhere.example/api/chat";
    for (const node of mesh.nodes)
      node.answer = { kind: "status", status: 307, headers: { location } };
    const answer = await ask(chat, CHAT);
    expect([answer.status, answer.headers.location]).toEqual([307, location]);
  });

  test("a load that is silent for longer than a short time-out is aborted on one node and begun on the next", async () => {
    // 60 seconds, nginx's own, on the scale of a test.
    await mesh.reload({ readTimeoutSeconds: 1, retry: { tries: 2 } });
    for (const node of mesh.nodes) node.answer = { kind: "ok", silentMs: 60_000 };
    const answer = await ask(chat, CHAT);
    expect(answer.status).toBe(504);
    const tried = mesh.nodes.flatMap((node) => node.requests);
    expect(tried).toHaveLength(2);
    // The client may have its 504 before the node has seen the connection close.
    await until(
      "both tries aborted",
      async () => tried.every(({ abortedAt }) => abortedAt !== undefined),
      { seconds: 30 },
    );
  });

  test("with the default time-out it is served", async () => {
    await mesh.reload({});
    for (const node of mesh.nodes) node.answer = { kind: "ok", silentMs: 2000 };
    expect((await ask(chat, CHAT)).status).toBe(200);
    expect(mesh.nodes.reduce((sum, node) => sum + node.count(), 0)).toBe(1);
  });

  test("the budget ends the search for a node, not the try that runs", async () => {
    const retry = { timeoutSeconds: 2, tries: 3 };
    await mesh.reload({ readTimeoutSeconds: 60, connectTimeoutSeconds: 1, retry });
    for (const node of mesh.nodes) node.answer = { kind: "ok", silentMs: 2500 };
    expect((await ask(chat, CHAT)).status).toBe(200);
    await mesh.reload({ readTimeoutSeconds: 2, connectTimeoutSeconds: 1, retry });
    for (const node of mesh.nodes) node.answer = { kind: "hang" };
    expect((await ask(chat, CHAT)).status).toBe(504);
    expect(mesh.nodes.reduce((sum, node) => sum + node.count(), 0)).toBe(1);
  });

  test("one worker learns from the other that a node failed", async () => {
    await mesh.reload({ maxFails: 1, failTimeoutSeconds: 30, algorithm: "round_robin" });
    b!.answer = { kind: "reset" };
    expect(await tally(chat, 30, ({ status }) => String(status))).toEqual({ 200: 30 });
    expect(b!.count()).toBe(1);
  });
});
