// A path before the API: cut off before anything looks at it, and put back where nodes send clients elsewhere.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { lacking } from "../../support/needs.ts";
import { ask, type Asked } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { raw } from "../harness/raw.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const BASE = "/models/ollama";
const KEY = "test-key-of-anna-0001";
const PLAIN = { routing: "plain", basePath: BASE } as const;
const OWN = {
  ...PLAIN,
  address: "gateway.example",
  routes: { set: "none" as const, paths: [{ path: "/files/" }, { path: "/go" }] },
};
const BODY = JSON.stringify({ model: "toy", messages: [] });

describe.skipIf(why)(`a base path${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a"], PLAIN);
  });
  afterAll(async () => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => {
    mesh.node("a").answer = { kind: "ok" };
    mesh.node("a").forget();
  });

  const seen = () => mesh.node("a").requests.map(({ method, url }) => `${method} ${url}`);
  const get = (path: string, asked: Asked = {}) => ask(`${mesh.balancer.url}${path}`, asked);

  test.each([
    ["/api/chat", BODY, "POST /api/chat"],
    ["/api/tags?a=%2Fb&c", undefined, "GET /api/tags?a=%2Fb&c"],
    ["/v1/models/hf.co%2Fx", undefined, "GET /v1/models/hf.co/x"],
    ["", undefined, "GET /"],
    ["/", undefined, "GET /"],
    ["/./api//tags", undefined, "GET /api/tags"],
  ])("%s below it is what it is without", async (path, body, request) => {
    const asked = body === undefined ? {} : { body };
    expect((await get(`${BASE}${path}`, asked)).status).toBe(200);
    expect(seen()).toEqual([request]);
  });

  test("a large body that is passed on as it comes gets to the same path", async () => {
    const body = Buffer.alloc(40 * 1024 * 1024, " ");
    const answers = await Promise.all([0, 1, 2, 3].map(() => get(`${BASE}/api/chat`, { body })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(seen())).toEqual(new Set(["POST /api/chat"]));
  });

  test.each([
    ["GET", "/api/delete"],
    ["DELETE", "/api/delete"],
    ["POST", "/api/pull"],
    ["GET", "/api/chat"],
    ["GET", "/api/unknown"],
    ["GET", "/v1/unknown"],
    ["GET", "/v1/messages"],
    ["GET", "/mesh-error/400"],
    ["GET", "/healthz"],
    ["GET", BASE],
    ["GET", `${BASE}/api/tags`],
  ])("%s %s is refused, or served, below it as it is without", async (method, path) => {
    const without = await get(
      path === BASE || path.startsWith(`${BASE}/`) ? `/other${path}` : path,
      { method },
    );
    const below = await get(`${BASE}${path}`, { method });
    expect([below.status, below.text, below.headers["content-type"]]).toEqual([
      without.status,
      without.text,
      without.headers["content-type"],
    ]);
    expect(mesh.node("a").count()).toBe(0);
  });

  test.each([`${BASE}x/api/tags`, "/models/api/tags", "/ollama/api/tags", `/x${BASE}/api/tags`])(
    "%s is another path",
    async (path) => {
      expect((await get(path)).status).toBe(404);
      expect(mesh.node("a").count()).toBe(0);
    },
  );

  test("dots and percent signs lead round no refusal", async () => {
    for (const path of [
      "/models/%6fllama/api/delete",
      `${BASE}/api/%64elete`,
      `${BASE}/x/../api/delete`,
      `${BASE}/../ollama/api/delete`,
      `${BASE}/%0aapi/tags`,
    ]) {
      const answer = await raw(
        mesh.balancer.url,
        `DELETE ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      );
      expect(answer, path).toMatch(/^HTTP\/1\.1 40[34] /);
    }
    expect(mesh.node("a").count()).toBe(0);
  });

  test("keys are asked for below it, and the refusal has the API's shape", async () => {
    await mesh.reload({ ...PLAIN, access: { apiKeys: [{ name: "anna", key: KEY }] } });
    for (const path of ["/api/tags", "/v1/models", "/v1/messages"]) {
      const [without, below] = [await get(path), await get(`${BASE}${path}`)];
      expect([below.status, below.text]).toEqual([401, without.text]);
    }
    const headers = { authorization: `Bearer ${KEY}` };
    expect((await get(`${BASE}/api/tags`, { headers })).status).toBe(200);
    expect((await get(`${BASE}/healthz`)).status).toBe(200);
    await mesh.reload(PLAIN);
  });

  test.each([
    ["http://localhost:11434/api/x?y=1", "/api/x?y=1"],
    ["/api/x", "/api/x"],
    ["https://elsewhere.example/api", undefined],
    ["x", undefined],
  ])(
    "where a node says %s, the client goes on by the path that it came by",
    async (location, path) => {
      mesh.node("a").answer = { kind: "status", status: 307, headers: { location } };
      const [without, below] = [await get("/api/tags"), await get(`${BASE}/api/tags`)];
      expect([without.headers.location, below.headers.location]).toEqual(
        path === undefined ? [location, location] : [path, `${BASE}${path}`],
      );
    },
  );

  test("other servers' own host, and their cookies", async () => {
    await mesh.reload(OWN);
    const host = "gateway.example:8443";
    mesh.node("a").answer = {
      kind: "status",
      status: 302,
      headers: { location: `http://${host}/files/b`, "set-cookie": "s=1; Path=/files" },
    };
    const below = await get(`${BASE}/files/a%20b/c`, { headers: { host } });
    expect(below.headers.location).toBe(`${BASE}/files/b`);
    expect(below.headers["set-cookie"]).toEqual([`s=1; Path=${BASE}/files`]);
    const without = await get("/go", { headers: { host } });
    expect(without.headers["set-cookie"]).toEqual(["s=1; Path=/files"]);
    expect(seen()).toEqual(["GET /files/a%20b/c", "GET /go"]);
    await mesh.reload(PLAIN);
  });
});
