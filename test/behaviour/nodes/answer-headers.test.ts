// How much a node's and a client's headers may hold, and what is said of what cannot be passed on.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { lacking } from "../../support/needs.ts";
import { ask, CHAT } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

describe.skipIf(why)(`headers${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  const get = (path: string, headers: Record<string, string> = {}) =>
    ask(`${mesh.balancer.url}${path}`, { headers });

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a"]);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("what a node says and nginx cannot pass on names the node and the reason, and is tried nowhere else", async () => {
    const what =
      "answered with what cannot be passed on: headers of more than 64 KiB, or no HTTP; the log of the balancer says which";
    const large = { "x-large": "v".repeat(80 * 1024) };
    mesh.node("a").answer = { kind: "ok", headers: large };
    for (const [path, text] of [
      ["/api/chat", { error: `node a ${what}` }],
      [
        "/v1/chat/completions",
        {
          error: {
            message: `node a ${what}`,
            type: "server_error",
            param: null,
            code: null,
          },
        },
      ],
      [
        "/v1/messages",
        { type: "error", error: { type: "overloaded_error", message: `node a ${what}` } },
      ],
    ] as const) {
      mesh.node("a").forget();
      const answer = await ask(`${mesh.balancer.url}${path}`, CHAT);
      expect([answer.status, JSON.parse(answer.text)]).toEqual([503, text]);
      expect(mesh.counts()).toEqual({ a: 1 });
    }
    mesh.node("a").answer = { kind: "reset" };
    const none = await ask(`${mesh.balancer.url}/api/chat`, CHAT);
    expect([none.status, none.text]).toMatchObject([503, expect.stringContaining("no node can")]);
    mesh.node("a").answer = { kind: "ok" };
  });

  test("a client's header lines pass up to 32 KiB", async () => {
    mesh.node("a").forget();
    const cookie = `sso=${"c".repeat(31 * 1024)}`;
    expect((await get("/api/tags", { cookie })).status).toBe(200);
    expect(mesh.node("a").requests[0]!.headers.cookie).toBe(cookie);
  });

  test("a node's headers pass up to 64 KiB", async () => {
    const large = { "x-a": "a".repeat(32 * 1024), "x-b": "b".repeat(31 * 1024) };
    mesh.node("a").answer = { kind: "ok", headers: large };
    const { status, headers } = await get("/api/tags");
    expect([status, headers]).toMatchObject([200, large]);
  });
});
