// A pull of what is there: clients ask for it before every start.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ask } from "../behaviour/harness/client.ts";
import { lacking } from "../support/needs.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

describe.skipIf(why)(`a pull${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh;
  beforeAll(async () => {
    mesh = await RoutedMesh.start(image, [
      { name: "a", models: ["m:latest"] },
      { name: "b", models: ["hf.co/x/y:Q4"] },
    ]);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test.each([
    ["by its name", { model: "m" }],
    ["with its tag", { model: "m:latest" }],
    ["by the older field", { name: "hf.co/x/y:Q4" }],
  ])("of a model that some node has is done: %s, streamed and not", async (_, body) => {
    const streamed = await mesh.post("/api/pull", body);
    expect([streamed.status, streamed.text]).toEqual([200, '{"status":"success"}\n']);
    expect(streamed.headers["content-type"]).toBe("application/x-ndjson");
    const whole = await mesh.post("/api/pull/", { ...body, stream: false });
    expect([whole.status, whole.text]).toEqual([200, '{"status":"success"}']);
    expect(whole.headers["content-type"]).toBe("application/json; charset=utf-8");
  });

  test.each([
    ["a model that no node has", { model: "other" }],
    ["no name", {}],
    ["a name that is none", { model: 7 }],
    ["what objects have by themselves", { model: "constructor" }],
  ])("of %s is refused, with the way out, and reaches no node", async (_, body) => {
    for (const stream of [true, false]) {
      const { status, text } = await mesh.post("/api/pull", { ...body, stream });
      expect([status, text]).toMatchObject([403, expect.stringContaining("declare it in models")]);
    }
  });

  test("that is no JSON, too large, or no POST is refused", async () => {
    const at = (asked: object) => ask(`${mesh.balancer.url}/api/pull`, asked);
    expect((await at({ body: "{" })).status).toBe(403);
    expect((await at({ body: JSON.stringify({ model: "m".repeat(70_000) }) })).status).toBe(413);
    expect((await at({ method: "GET" })).status).toBe(403);
    expect((await at({ method: "DELETE" })).status).toBe(403);
  });
});
