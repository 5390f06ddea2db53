import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { RETRY_AFTER_SECONDS } from "../../../config/defaults.ts";
import { lacking } from "../../support/needs.ts";
import { ask, CHAT } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { raw, statuses } from "../harness/raw.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

/** As nginx makes them: 32 hexadecimal digits. */
const MADE = /^[0-9a-f]{32}$/;

describe.skipIf(why)(`answers and log${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  const get = (path: string, headers: Record<string, string> = {}) =>
    ask(`${mesh.balancer.url}${path}`, { headers });
  /** The log's line of a request. */
  const logged = (id: string) => mesh.balancer.logged(id);

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a"], { maxBodyMib: 1 });
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("a client's request id goes to the node, into the log and back", async () => {
    mesh.node("a").forget();
    const id = "run-7.Step_3";
    const { headers } = await get("/api/tags", { "x-request-id": id });
    expect(headers["x-request-id"]).toBe(id);
    expect(mesh.node("a").requests[0]!.headers["x-request-id"]).toBe(id);
    expect(await logged(id)).toMatchObject({ request_id: id, path: "/api/tags", node: "a" });
  });

  test("a trace that a client has begun goes on at the node", async () => {
    mesh.node("a").forget();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const trace = { traceparent, tracestate: "vendor=1" };
    await get("/api/tags", trace);
    expect(mesh.node("a").requests[0]!.headers).toMatchObject(trace);
  });

  test.each([
    ["none", undefined],
    ["a space in it", "a b"],
    ["quotes", '"},{"'],
    ["too much of it", "a".repeat(129)],
    ["what a shell would run", "$(id)"],
  ])("a request with %s for an id gets a new one, the same for node and client", async (_w, id) => {
    mesh.node("a").forget();
    const { headers } = await get("/api/tags", id === undefined ? {} : { "x-request-id": id });
    expect(headers["x-request-id"]).toMatch(MADE);
    expect(mesh.node("a").requests[0]!.headers["x-request-id"]).toBe(headers["x-request-id"]);
  });

  test("the node's own request id, origin rules and promises do not reach the client", async () => {
    mesh.node("a").byPath["/api/version"] = {
      kind: "ok",
      headers: {
        "x-request-id": "the-nodes-own",
        "x-mesh-node": "another",
        "x-content-type-options": "sniff",
        "strict-transport-security": "max-age=1",
        "access-control-allow-origin": "*",
        "access-control-allow-credentials": "true",
      },
    };
    const { headers } = await get("/api/version", { "x-request-id": "mine" });
    expect(headers).toMatchObject({
      "x-request-id": "mine",
      "x-mesh-node": "a",
      "x-content-type-options": "nosniff",
    });
    expect(Object.keys(headers).filter((name) => /^(access-control|strict)-/.test(name))).toEqual(
      [],
    );
  });

  test("nginx's own errors carry the same headers, and its version nowhere", async () => {
    for (const [path, status] of [
      ["/nothing", 404],
      ["/api/delete", 403],
      ["/api/chat", 405],
    ] as const) {
      const answer = await get(path, { "x-request-id": "err" });
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject({
        "content-type": "application/json",
        "x-request-id": "err",
        "x-content-type-options": "nosniff",
        server: "nginx",
      });
      expect(Object.keys(JSON.parse(answer.text) as object)).toEqual(["error"]);
    }
  });

  test.each([
    ["a request that is none", "GARBAGE\r\n\r\n", 400],
    ["no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    [
      "a URI beyond all bounds",
      `GET /${"x".repeat(33_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      414,
    ],
    [
      "a header beyond all bounds",
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(33_000)}\r\n\r\n`,
      431,
    ],
    ["a version that is none", "GET / HTTP/7.1\r\nHost: localhost\r\n\r\n", 505],
    [
      "an encoding that is none",
      "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: rot13\r\nConnection: close\r\n\r\n",
      501,
    ],
    ["TRACE", "TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405],
  ])("%s gets its error as JSON", async (_what, text, status) => {
    const answer = await raw(mesh.balancer.bridgeUrl, text);
    expect(statuses(answer)).toEqual([status]);
    expect(answer).toMatch(/^Content-Type: application\/json\r$/m);
    expect(answer).toMatch(/^X-Request-ID: [0-9a-f]{32}\r$/m);
    const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    expect(Object.keys(JSON.parse(body) as object)).toEqual(["error"]);
  });

  test("a body beyond the limit is refused in the words of the setting, and reaches no node", async () => {
    mesh.node("a").forget();
    const answer = await ask(`${mesh.balancer.bridgeUrl}/api/chat`, {
      body: Buffer.alloc(2 ** 20 + 1),
    });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      413,
      { error: "the request is larger than the load balancer accepts (balancer.maxBodyMib)" },
    ]);
    expect(mesh.node("a").requests).toEqual([]);
  });

  test("without a node the error says to try again, and when", async () => {
    await mesh.node("a").die();
    const { status, headers, text } = await get("/api/tags");
    await mesh.node("a").listen();
    expect([status, headers["retry-after"], JSON.parse(text)]).toEqual([
      503,
      String(RETRY_AFTER_SECONDS),
      { error: "no node can take the request at the moment; try again" },
    ]);
  });

  test("a redirect to the host that only nodes are told leads to where the client asked", async () => {
    for (const scheme of ["http", "https"]) {
      const headers = { location: `${scheme}://localhost:11434/v1/models?a=b` };
      mesh.node("a").answer = { kind: "status", status: 301, headers };
      expect((await get("/v1/models/")).headers.location).toBe("/v1/models?a=b");
    }
    mesh.node("a").answer = {
      kind: "status",
      status: 302,
      headers: { location: "https://b.example/x" },
    };
    expect((await get("/v1/models/")).headers.location).toBe("https://b.example/x");
  });

  test.each(["/x.html", "/x.gif", "/x.jpg", "/api/chat.html"])(
    "the error under %s is JSON, and says so",
    async (path) => {
      const { status, headers, text } = await get(path);
      expect([status, headers["content-type"]]).toEqual([404, "application/json"]);
      expect(JSON.parse(text)).toEqual({ error: expect.any(String) });
    },
  );

  test.each([
    ["hf.co\\/a\\/b:Q4", "hf.co/a/b:Q4"],
    ["team\\u002fb", "team/b"],
    ["r.lan:5000/team\\u002Fx\\/y", "r.lan:5000/team/x/y"],
    ["a/b", "a/b"],
  ])("the log knows a model written as %s", async (written, model) => {
    const id = `model-${model.replace(/\W/g, "_")}`;
    await ask(`${mesh.balancer.url}/api/chat`, {
      body: `{"model": "${written}", "messages": []}`,
      headers: { "x-request-id": id },
    });
    expect(await logged(id)).toMatchObject({ model });
  });

  test("the log tells who, what, which model and node, and how long to the first byte", async () => {
    mesh.node("a").answer = { kind: "tokens", count: 3, everyMs: 100, silentMs: 200 };
    const body = JSON.stringify({
      messages: [{ role: "user", content: 'say "model": "not-this"' }],
      model: "llama3.2:3b-instruct",
    });
    const headers = { "x-request-id": "told" };
    await ask(`${mesh.balancer.url}/api/chat?secret=1`, { body, headers });
    const line = await logged("told");
    expect(Object.keys(line)).toEqual([
      ...["time", "client", "key", "method", "path", "protocol", "model", "status", "bytes"],
      ...["node", "upstream", "upstream_status", "connect_seconds", "first_byte_seconds"],
      ...["seconds", "refused", "request_id"],
    ]);
    expect(line).toMatchObject({
      key: "",
      method: "POST",
      path: "/api/chat",
      protocol: "HTTP/1.1",
      model: "llama3.2:3b-instruct",
      status: "200",
      node: "a",
      upstream_status: "200",
    });
    const [first, all] = [Number(line["first_byte_seconds"]), Number(line["seconds"])];
    // After 200 ms and 400 ms, or later on a busy machine; both clocks tick in milliseconds of their own.
    expect(first).toBeGreaterThanOrEqual(0.19);
    expect(all).toBeGreaterThanOrEqual(0.39);
    expect(all).toBeGreaterThan(first);
  });

  test("what a client writes can't break the log's lines, and the model of a large body is found at its begin", async () => {
    mesh.node("a").answer = { kind: "ok" };
    const head = 'GET /v1/models/"%0a%22,"x HTTP/1.0\r\nX-Request-ID: odd\r\n\r\n';
    expect(statuses(await raw(mesh.balancer.bridgeUrl, head))).toEqual([200]);
    expect(await logged("odd")).toMatchObject({ path: '/v1/models/"%0a%22,"x' });
    const body = JSON.stringify({ model: "toy", prompt: "x".repeat(100_000) });
    const headers = { "x-request-id": "large" };
    await ask(`${mesh.balancer.url}/api/generate`, { body, headers });
    expect(await logged("large")).toMatchObject({ path: "/api/generate", model: "toy" });
  });

  test("answers name their node unless that is switched off", async () => {
    expect((await ask(`${mesh.balancer.url}/api/chat`, CHAT)).headers["x-mesh-node"]).toBe("a");
    const nodes = mesh.nodes.map((node) => node.entry);
    await mesh.balancer.reload({ nodes, balancer: { nodeHeader: false } });
    const { status, headers } = await ask(`${mesh.balancer.url}/api/chat`, CHAT);
    expect(status).toBe(200);
    expect(headers).not.toHaveProperty("x-mesh-node");
  });
});
