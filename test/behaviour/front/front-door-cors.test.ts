import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { lacking } from "../../support/needs.ts";
import { ask } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const KEY = "cors-0123456789abcdef";
const PAGE = "https://chat.example.org";
const OTHER = "http://localhost:3000";
/** What the openai package sends from a browser. */
const ASKED_HEADERS =
  "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout";

const FOREIGN = "pages of this origin may not use the load balancer (balancer.access.corsOrigins)";

describe.skipIf(why)(`pages in browsers${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  const asked = async (method: string, path: string, headers: Record<string, string>) => {
    mesh.node("a").forget();
    const answer = await ask(`${mesh.balancer.url}${path}`, { method, headers });
    const cors = Object.entries(answer.headers).filter(
      ([name]) => name.startsWith("access-control-") || name === "vary",
    );
    const reached = mesh.node("a").requests.length;
    return { status: answer.status, cors: Object.fromEntries(cors), reached, text: answer.text };
  };
  const preflight = (origin: string, path = "/api/chat") =>
    asked("OPTIONS", path, {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": ASKED_HEADERS,
    });
  const serveWith = (corsOrigins: string[], keys = true) =>
    mesh.balancer.reload({
      nodes: mesh.nodes.map((node) => node.entry),
      balancer: {
        access: { corsOrigins, ...(keys ? { apiKeys: [{ name: "k", key: KEY }] } : {}) },
      },
    });
  const answered = (origin: string) => ({
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "Retry-After, X-Mesh-Node, X-Request-ID",
    vary: "Origin",
  });

  beforeAll(async () => {
    // A node with a mind of its own about pages.
    const headers = { "access-control-allow-origin": "*", "access-control-max-age": "1" };
    mesh = await ToyMesh.start(image, ["a"]);
    mesh.node("a").answer = { kind: "ok", headers };
    await serveWith([PAGE, OTHER]);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("a declared page's preflight is answered without a key, and no node hears of it", async () => {
    for (const origin of [PAGE, OTHER]) {
      expect(await preflight(origin)).toEqual({
        status: 204,
        cors: {
          ...answered(origin),
          vary: "Access-Control-Request-Headers, Origin",
          "access-control-allow-methods": "GET, HEAD, POST",
          "access-control-allow-headers": ASKED_HEADERS,
          "access-control-max-age": "7200",
        },
        reached: 0,
        text: "",
      });
    }
  });

  test("its requests need a key like any other, and it can read answers and errors", async () => {
    const key = { authorization: `Bearer ${KEY}` };
    expect(await asked("POST", "/api/chat", { origin: PAGE, ...key })).toMatchObject({
      status: 200,
      cors: answered(PAGE),
      reached: 1,
    });
    for (const [method, path, headers, status] of [
      ["POST", "/api/chat", {}, 401],
      ["GET", "/nothing", key, 404],
      ["GET", "/api/chat", key, 405],
      ["POST", "/api/delete", key, 403],
    ] as const) {
      const answer = await asked(method, path, { origin: PAGE, ...headers });
      expect(answer).toMatchObject({ status, cors: answered(PAGE), reached: 0 });
    }
  });

  test.each([
    ["another one", "https://evil.example.org"],
    ["another scheme", "http://chat.example.org"],
    ["another port", `${PAGE}:8443`],
    ["one that only begins so", `${PAGE}.evil.com`],
    ["one that only ends so", "https://evil-chat.example.org"],
    ["a page without an origin", "null"],
    ["an expression", "https://.*"],
    ["two of them", `${PAGE}, ${PAGE}`],
  ])("a page that is not declared is refused with a key and all: %s", async (_what, origin) => {
    const refused = {
      status: 403,
      cors: { vary: "Origin" },
      reached: 0,
      text: JSON.stringify({ error: FOREIGN }),
    };
    expect(await preflight(origin)).toEqual(refused);
    expect(await preflight(origin, "/healthz")).toEqual(refused);
    const headers = { origin, "x-api-key": KEY };
    expect(await asked("POST", "/api/chat", headers)).toEqual(refused);
  });

  test("OPTIONS that is no preflight is no way around the key", async () => {
    expect(await asked("OPTIONS", "/api/chat", { origin: PAGE })).toMatchObject({ status: 401 });
    expect(await asked("OPTIONS", "/api/chat", {})).toMatchObject({ status: 401, reached: 0 });
    const method = { "access-control-request-method": "POST" };
    expect(await asked("OPTIONS", "/api/chat", method)).toMatchObject({ status: 401, reached: 0 });
  });

  test("nothing that a page asks for is sent back unless it looks like names of headers", async () => {
    const { cors } = await asked("OPTIONS", "/api/chat", {
      origin: PAGE,
      "access-control-request-method": "POST",
      "access-control-request-headers": 'authorization, "<x>"; y',
    });
    expect(cors["access-control-allow-headers"]).toBe("authorization, content-type, x-api-key");
  });

  test("the node is not told the origin", async () => {
    await asked("GET", "/api/tags", { origin: PAGE, "x-api-key": KEY });
    expect(mesh.node("a").requests[0]!.headers).not.toHaveProperty("origin");
  });

  test('"*" is every page', async () => {
    await serveWith(["*"], false);
    const { vary: _vary, ...any } = answered("*");
    expect(await asked("GET", "/api/tags", { origin: "null" })).toMatchObject({
      status: 200,
      cors: any,
    });
    expect(await preflight("https://anything.example")).toMatchObject({
      status: 204,
      cors: { "access-control-allow-origin": "*" },
    });
    const { cors } = await asked("GET", "/api/tags", {});
    expect(cors).not.toHaveProperty("access-control-allow-origin");
  });

  test("by default pages on the client's own machine may, as Ollama lets them, and the balancer's own, no others", async () => {
    await mesh.balancer.reload({
      nodes: mesh.nodes.map((node) => node.entry),
      balancer: { address: "mesh.lan" },
    });
    for (const origin of [
      ...["http://localhost", "https://localhost:3000", "http://127.0.0.1:8080", "https://0.0.0.0"],
      ...[
        "app://obsidian.md",
        "file://",
        "tauri://localhost",
        "vscode-webview://1a2b",
        "vscode-file://vscode-app",
      ],
      "http://mesh.lan:11434",
    ]) {
      const answer = await asked("POST", "/api/chat", { origin, host: "mesh.lan" });
      expect([origin, answer.status, answer.cors["access-control-allow-origin"]]).toEqual([
        origin,
        200,
        origin,
      ]);
      expect((await preflight(origin)).status).toBe(204);
    }
    for (const origin of [
      ...["http://localhost.evil.com", "http://localhost:80.evil.com", "https://evil.com", "null"],
      ...[
        "chrome-extension://abc",
        "http://mesh.lan",
        "https://mesh.lan:11434",
        "xapp://a",
        "app://a, app://b",
      ],
      ...["http://127.0.0.1.evil.com", "http://127.0.0.2", "http://localhost:"],
    ]) {
      const answer = await asked("POST", "/api/chat", { origin });
      expect([origin, answer.status, answer.reached]).toEqual([origin, 403, 0]);
    }
  });

  test("pages of the address that the stack gives out are the balancer's own, and of that which two share", async () => {
    const nodes = mesh.nodes.map((node) => node.entry);
    const listen = { address: "0.0.0.0" };
    await mesh.balancer.reload({ nodes, balancer: { host: "ssh://ops@192.0.2.11", listen } });
    const statusOf = async (host: string) =>
      (await asked("POST", "/api/chat", { origin: `http://${host}:11434` })).status;
    expect([await statusOf("192.0.2.11"), await statusOf("192.0.2.50")]).toEqual([200, 403]);
    const hosts = [
      { host: "ssh://ops@192.0.2.11", address: "192.0.2.11" },
      { host: "ssh://ops@192.0.2.12", address: "192.0.2.12" },
    ];
    const virtualAddress = "192.0.2.50/24";
    await mesh.balancer.reload({ nodes, balancer: { hosts, virtualAddress, listen } });
    expect([await statusOf("192.0.2.11"), await statusOf("192.0.2.50")]).toEqual([200, 200]);
  });

  test("whatever Host says makes no page the balancer's own", async () => {
    const origin = "http://evil.example.org";
    const answer = await asked("POST", "/api/chat", { origin, host: "evil.example.org" });
    expect([answer.status, answer.reached]).toEqual([403, 0]);
  });

  test.each([
    ["https://*.example.org", "https://a.example.org", "https://evil-example.org"],
    ["https://*.example.org", "https://a.b.example.org", "https://a.example.org:444"],
    ["http://localhost:*", "http://localhost:5173", "http://localhost"],
    ["http://[fd00::1]:3000", "http://[fd00::1]:3000", "http://[fd00::1]:3001"],
    ["chrome-extension://*", "chrome-extension://abcdef", "moz-extension://abcdef"],
    ["vscode-webview://*", "vscode-webview://1a-2b", "vscode-webview2://1a"],
    ["https://chat*.example.org", "https://chat-2.example.org", "https://xchat.example.org"],
    ["https://*", "https://any.example", "http://any.example"],
  ])("%s lets %s in, and not %s", async (declared, inside, outside) => {
    await serveWith([declared], false);
    expect((await asked("GET", "/api/tags", { origin: inside })).cors).toMatchObject({
      "access-control-allow-origin": inside,
    });
    expect(await asked("GET", "/api/tags", { origin: outside })).toMatchObject({
      status: 403,
      reached: 0,
    });
  });

  test("with an empty list no page may, no header speaks of pages, and all else is as ever", async () => {
    await serveWith([], false);
    expect(await preflight(PAGE)).toMatchObject({ status: 403, cors: {}, reached: 0 });
    expect(await asked("POST", "/api/chat", { origin: PAGE })).toMatchObject({
      status: 403,
      cors: {},
      reached: 0,
    });
    expect(await asked("GET", "/api/tags", {})).toMatchObject({
      status: 200,
      cors: {},
      reached: 1,
    });
    expect(await asked("OPTIONS", "/api/chat", {})).toMatchObject({ status: 405, reached: 0 });
  });
});
