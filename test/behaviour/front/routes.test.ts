import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { INFERENCE, MANAGEMENT_ROUTES, READS } from "../../../config/routes.ts";
import { lacking } from "../../support/needs.ts";
import { ask, CHAT, nodeOf, tally, type Asked } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { RawSocket } from "../harness/raw-socket.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

describe.skipIf(why)(`routes${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  const at = (path: string, asked: Asked = {}) => ask(`${mesh.balancer.url}${path}`, asked);
  const status = async (path: string, method = "GET") => (await at(path, { method })).status;
  const reached = () => mesh.nodes.reduce((sum, node) => sum + node.count(), 0);

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a", "b"]);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => {
    for (const node of mesh.nodes) {
      node.answer = { kind: "ok" };
      node.forget();
    }
  });

  test("every built-in route takes its own methods only, and says which", async () => {
    await mesh.reload({});
    for (const [path, methods] of Object.entries({ ...INFERENCE, ...READS })) {
      const asked = path === "/v1/models/" ? "/v1/models/llama3" : path;
      for (const method of METHODS) {
        const answer = await at(asked, { method });
        const allow = methods.includes(method) ? undefined : methods.join(", ");
        expect([method, asked, answer.status, answer.headers.allow]).toEqual([
          method,
          asked,
          allow === undefined ? 200 : 405,
          allow,
        ]);
      }
    }
  });

  test("a wrong method is refused as JSON, in the shape of the API", async () => {
    await mesh.reload({});
    expect(JSON.parse((await at("/api/chat")).text)).toEqual({ error: expect.any(String) });
    const openai = await at("/v1/chat/completions");
    expect(JSON.parse(openai.text)).toMatchObject({ error: { type: "invalid_request_error" } });
    expect(openai.headers["content-type"]).toBe("application/json");
  });

  test("routes that change a node are refused with any method, and what to do instead is said", async () => {
    await mesh.reload({});
    for (const path of MANAGEMENT_ROUTES) {
      for (const method of METHODS) expect([path, await status(path, method)]).toEqual([path, 403]);
      expect([path, await status(`${path}/x`, "POST")]).toEqual([path, 403]);
    }
    const { error } = JSON.parse((await at("/api/copy", CHAT)).text) as { error: string };
    expect(error).toContain("balancer.management declares a listener");
    await mesh.reload({ management: { address: "10.1.2.3", port: 11435 } });
    const told = JSON.parse((await at("/api/copy", CHAT)).text) as { error: string };
    expect(told.error).toContain("http://10.1.2.3:11435/nodes/<name>/");
    expect(reached()).toBe(0);
  });

  test("a slash too many at the end of a route is none, with bodies and queries too", async () => {
    await mesh.reload({});
    const CALLS = { ...INFERENCE, ...READS };
    for (const [path, [method]] of Object.entries(CALLS)) {
      if (path.endsWith("/")) continue;
      for (const node of mesh.nodes) node.forget();
      const body = method === "POST" ? { body: JSON.stringify({ model: "toy" }) } : {};
      expect([path, (await at(`${path}/?a=b`, { method: method!, ...body })).status]).toEqual([
        path,
        200,
      ]);
      const [seen] = mesh.nodes.flatMap(({ requests }) => requests);
      expect([seen!.url, seen!.bytes]).toEqual([`${path}?a=b`, method === "POST" ? 15 : 0]);
    }
    const wrong = await at("/api/chat/", { method: "GET" });
    expect([wrong.status, wrong.headers.allow]).toEqual([405, "POST"]);
  });

  test("routes about a node's account are refused without a word of models", async () => {
    await mesh.reload({});
    for (const path of ["/api/me", "/api/experimental/web_search"]) {
      const answer = await at(path, CHAT);
      expect([answer.status, answer.text]).toMatchObject([
        403,
        expect.stringContaining("account of one node"),
      ]);
    }
  });

  test("a WebSocket on /v1/responses is told at once that there is none, and a POST that would upgrade is served", async () => {
    await mesh.reload({});
    const ws = { upgrade: "websocket", connection: "Upgrade", "sec-websocket-key": "x" };
    using socket = await RawSocket.open(mesh.balancer.url);
    const lines = Object.entries(ws).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET /v1/responses HTTP/1.1\r\nHost: localhost\r\n${lines.join("")}\r\n`);
    await socket.expect("HTTP/1.1 426");
    await socket.expect('{"error":"no WebSocket here; POST over HTTP"}');
    expect(await status("/v1/responses")).toBe(405);
    const headers = { upgrade: "h2c", connection: "Upgrade, HTTP2-Settings" };
    expect((await at("/v1/responses", { ...CHAT, headers })).status).toBe(200);
    expect(reached()).toBe(1);
  });

  test("what is not on the list is 404", async () => {
    await mesh.reload({});
    for (const path of [
      "/api",
      "/api/chats",
      "/v1",
      "/metrics",
      "/api/chat/x",
      "/debug/pprof/",
      "/tokenize",
    ]) {
      expect([path, await status(path, "POST")]).toEqual([path, 404]);
    }
    expect(reached()).toBe(0);
  });

  test("a node gets the path that the list allows, however the client wrote it", async () => {
    await mesh.reload({});
    for (const odd of ["/api/%63hat", "/api/./chat", "/api/x/../chat", "//api//chat"]) {
      using socket = await RawSocket.open(mesh.balancer.url);
      socket.write(`POST ${odd}?a=b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`);
      await socket.expect("HTTP/1.1 200 OK");
    }
    const urls = mesh.nodes.flatMap((node) => node.requests.map(({ url }) => url));
    expect(urls).toEqual(Array(4).fill("/api/chat?a=b"));
  });

  test("reads go to any node, like all else", async () => {
    await mesh.reload({ algorithm: "round_robin" });
    expect(await tally(`${mesh.balancer.url}/api/tags`, 4, nodeOf, {})).toEqual({ a: 2, b: 2 });
  });

  test("declared paths: exact, or everything below one that ends in a slash", async () => {
    const paths = [
      { path: "/predict", methods: ["POST" as const] },
      { path: "/files/" },
      { path: "/api/chat", methods: ["POST" as const, "GET" as const] },
    ];
    await mesh.reload({ routes: { paths } });
    expect(await status("/predict", "POST")).toBe(200);
    expect(await status("/predict", "GET")).toBe(405);
    expect(await status("/predict/x", "POST")).toBe(404);
    expect(await status("/files/a/b")).toBe(200);
    expect(await status("/files/a", "DELETE")).toBe(405);
    // What is declared goes before what is built in.
    expect(await status("/api/chat", "GET")).toBe(200);
    expect(await status("/api/generate", "POST")).toBe(200);
    // Not a redirect to a port that only exists inside the container.
    expect(await status("/files")).toBe(404);
  });

  test("a declared folder opens no route that changes a node", async () => {
    await mesh.reload({
      routes: { paths: [{ path: "/api/", methods: ["GET", "POST", "DELETE"] }] },
    });
    expect(await status("/api/other", "POST")).toBe(200);
    expect(await status("/api/delete", "DELETE")).toBe(403);
    expect(await status("/api/delete/", "DELETE")).toBe(403);
    expect(await status("/api/delete;x", "DELETE")).toBe(403);
    expect(await status("/api/delete%2f", "DELETE")).toBe(403);
    expect(await status("/api/blobs/sha256:0", "POST")).toBe(403);
  });

  test("set all passes everything, set none only what is declared; /healthz stays the balancer's", async () => {
    await mesh.reload({ routes: { set: "all" } });
    expect(await status("/any/thing", "DELETE")).toBe(200);
    expect(await status("/", "POST")).toBe(200);
    expect(reached()).toBe(2);
    expect((await at("/healthz")).text).toBe("ok\n");
    await mesh.reload({ routes: { set: "none", paths: [{ path: "/predict" }] } });
    expect(await status("/predict")).toBe(200);
    expect(await status("/api/chat", "POST")).toBe(404);
    expect((await at("/healthz")).text).toBe("ok\n");
    expect(reached()).toBe(1);
  });

  test("Ollama sees its own host and no key; other servers see what the client sent", async () => {
    const headers = { authorization: "Bearer x", "x-api-key": "y", host: "models.example" };
    const address = "models.example";
    await mesh.reload({ address });
    await at("/api/tags", { headers });
    await mesh.reload({ address, routes: { set: "all" } }, {}, {});
    await at("/api/tags", { headers });
    const seen = mesh.nodes.flatMap((node) => node.requests)[0]!.headers;
    expect(seen).toMatchObject(headers);
  });
});
