// The inference routes of vLLM, SGLang and llama.cpp: each passes whole where a node is a service, and is no route else.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { SERVICE_INFERENCE } from "../../../config/routes.ts";
import { lacking } from "../../support/needs.ts";
import { ask } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const PLAIN = { routing: "plain" } as const;
const PATHS = Object.keys(SERVICE_INFERENCE);
const BODY = JSON.stringify({ model: "toy", input: "a".repeat(20_000) });

describe.skipIf(why)(`routes of other servers${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a"], PLAIN, { settings: { a: { api: "openai" } } });
  });
  afterAll(async () => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => mesh.node("a").forget());

  test("are those that people asked for", () => {
    expect(PATHS).toEqual(
      expect.arrayContaining(["/v1/messages/count_tokens", "/v1/rerank", "/v1/score", "/tokenize"]),
    );
  });

  test.each(PATHS)("%s passes, body and query whole, and by POST alone", async (path) => {
    const answer = await ask(`${mesh.balancer.url}${path}?beta=true`, { body: BODY });
    expect(answer.status).toBe(200);
    expect(mesh.node("a").requests).toMatchObject([
      { method: "POST", url: `${path}?beta=true`, headers: { "content-length": `${BODY.length}` } },
    ]);
    expect((await ask(`${mesh.balancer.url}${path}`)).status).toBe(405);
    expect(mesh.node("a").count()).toBe(1);
  });

  test("are none where every node is Ollama, and count_tokens says so in Anthropic's shape", async () => {
    await mesh.reload(PLAIN);
    for (const path of PATHS) {
      expect((await ask(`${mesh.balancer.url}${path}`, { body: BODY })).status, path).toBe(404);
    }
    const { text } = await ask(`${mesh.balancer.url}/v1/messages/count_tokens`, { body: BODY });
    expect(JSON.parse(text)).toMatchObject({ type: "error", error: { type: "not_found_error" } });
    expect(mesh.node("a").count()).toBe(0);
  });
});
