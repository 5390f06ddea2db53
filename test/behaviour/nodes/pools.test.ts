// Several model servers behind one address: a path or a host name says whose nodes a request goes to, to nginx alone.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { lacking } from "../../support/needs.ts";
import { ask, type Asked } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { raw } from "../harness/raw.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const KEY = "test-key-of-anna-0001";
const POOLS = [
  { name: "gpt", path: "/gpt.oss" },
  { name: "lab", host: "lab.example.org" },
];
const PLAIN = { routing: "plain", pools: POOLS, management: { port: 11435 } } as const;
const NODES = { b: { pool: "gpt" }, c: { pool: "gpt", backup: true }, d: { pool: "lab" } };
const BODY = JSON.stringify({ model: "toy", messages: [] });

describe.skipIf(why)(`pools${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a", "b", "c", "d"], PLAIN, { settings: NODES });
  });
  afterAll(async () => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => {
    for (const node of mesh.nodes) {
      node.answer = { kind: "ok" };
      node.forget();
    }
  });

  const get = (path: string, asked: Asked = {}) => ask(`${mesh.balancer.url}${path}`, asked);
  const seen = () =>
    mesh.nodes.flatMap(({ name, requests }) =>
      requests.map(({ method, url }) => `${name} ${method} ${url}`),
    );
  const lab = { headers: { host: "LAB.example.org:8443" } };

  test.each<[string, Asked, string]>([
    ["/api/chat", { body: BODY }, "a POST /api/chat"],
    ["/gpt.oss/api/chat", { body: BODY }, "b POST /api/chat"],
    ["/api/chat", { body: BODY, ...lab }, "d POST /api/chat"],
    ["/gpt.oss/api/chat", { body: BODY, ...lab }, "b POST /api/chat"],
    ["/gpt.oss/api/tags?a=%2Fb&c", {}, "b GET /api/tags?a=%2Fb&c"],
    ["/gpt%2Eoss/./api//tags", {}, "b GET /api/tags"],
    ["/gpt.oss", {}, "b GET /"],
    ["/gpt.oss/api/tags/", {}, "b GET /api/tags"],
    ["/gpt.oss/v1/models/x", {}, "b GET /v1/models/x"],
  ])("%s of %j gets to %s", async (path, asked, request) => {
    expect((await get(path, asked)).status).toBe(200);
    expect(seen()).toEqual([request]);
  });

  test.each(["/gptxoss/api/tags", "/gpt.ossx/api/tags", "/x/gpt.oss/api/tags", "/gpt/api/tags"])(
    "%s is no pool's",
    async (path) => {
      expect((await get(path)).status).toBe(404);
      expect(seen()).toEqual([]);
    },
  );

  test("bodies that are passed on as they come get to the pool's nodes", async () => {
    const body = Buffer.alloc(40 * 1024 * 1024, " ");
    const answers = await Promise.all([0, 1, 2, 3].map(() => get("/gpt.oss/api/chat", { body })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(seen())).toEqual(new Set(["b POST /api/chat"]));
  });

  test("a pool's own backup answers for it, and nobody else does", async () => {
    mesh.node("b").answer = { kind: "status", status: 503 };
    expect((await get("/gpt.oss/api/chat", { body: BODY })).headers["x-mesh-node"]).toBe("c");
    mesh.node("c").answer = { kind: "status", status: 503 };
    expect((await get("/gpt.oss/api/chat", { body: BODY })).status).toBe(503);
    expect(mesh.counts()).toMatchObject({ a: 0, d: 0 });
    expect((await get("/api/chat", { body: BODY })).status).toBe(200);
  });

  test("weights, maintenance and drain are a pool's own", async () => {
    const drained = { ...NODES, c: { pool: "gpt", weight: 3 }, b: { pool: "gpt" } };
    await mesh.reload({ ...PLAIN, algorithm: "round_robin" }, drained);
    for (let each = 0; each < 8; each++) await get("/gpt.oss/api/chat", { body: BODY });
    expect(mesh.counts()).toEqual({ a: 0, b: 2, c: 6, d: 0 });
    await mesh.reload(PLAIN, { ...drained, c: { pool: "gpt", maintenance: true } });
    for (let each = 0; each < 3; each++) await get("/gpt.oss/api/chat", { body: BODY });
    expect(mesh.counts()).toEqual({ a: 0, b: 3, c: 0, d: 0 });
    await mesh.reload(PLAIN, NODES);
  });

  test.each([
    ["DELETE", "/api/delete"],
    ["POST", "/api/pull"],
    ["GET", "/api/chat"],
    ["GET", "/api/unknown"],
    ["GET", "/v1/messages"],
    ["GET", "/mesh-error/400"],
    ["GET", "/gpt.oss/api/tags"],
    ["GET", "/healthz"],
  ])("%s %s is refused, or served, below a pool as it is without", async (method, path) => {
    const without = await get(path.startsWith("/gpt") ? `/x${path}` : path, { method });
    const below = await get(`/gpt.oss${path}`, { method });
    expect([below.status, below.text]).toEqual([without.status, without.text]);
    expect(seen()).toEqual([]);
  });

  test("dots and percent signs lead round no refusal", async () => {
    for (const path of [
      "/gpt%2eoss/api/delete",
      "/gpt.oss/api/%64elete",
      "/gpt.oss/x/../api/delete",
      "/gpt.oss/%0aapi/tags",
    ]) {
      const request = `DELETE ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      expect(await raw(mesh.balancer.url, request), path).toMatch(/^HTTP\/1\.1 40[34] /);
    }
    expect(seen()).toEqual([]);
  });

  test("keys are asked for in each pool, and the refusal has the API's shape", async () => {
    const access = { apiKeys: [{ name: "anna", key: KEY }] };
    await mesh.reload({ ...PLAIN, access }, NODES);
    for (const path of ["/api/tags", "/v1/models", "/v1/messages"]) {
      const [without, below] = [await get(path), await get(`/gpt.oss${path}`)];
      expect([below.status, below.text]).toEqual([401, without.text]);
      expect((await get(path, lab)).status).toBe(401);
    }
    const headers = { authorization: `Bearer ${KEY}` };
    expect((await get("/gpt.oss/api/tags", { headers })).headers["x-mesh-node"]).toBe("b");
    await mesh.reload(PLAIN, NODES);
  });

  test("where a node sends a client, it goes on in its pool", async () => {
    const location = "http://localhost:11434/api/x?y=1";
    for (const node of mesh.nodes) {
      node.answer = {
        kind: "status",
        status: 307,
        headers: { location, "set-cookie": "s=1; Path=/" },
      };
    }
    const below = await get("/gpt.oss/api/tags");
    expect(below.headers.location).toBe("/gpt.oss/api/x?y=1");
    expect(below.headers["set-cookie"]).toEqual(["s=1; Path=/gpt.oss/"]);
    expect((await get("/api/tags", lab)).headers.location).toBe("/api/x?y=1");
    expect((await get("/api/tags")).headers.location).toBe("/api/x?y=1");
  });

  test("the log has the pool, and /ready asks each", async () => {
    const id = "pools-log-1";
    await get("/gpt.oss/api/chat", { body: BODY, headers: { "x-request-id": id } });
    expect(await mesh.balancer.logged(id)).toMatchObject({
      pool: "gpt",
      path: "/gpt.oss/api/chat",
    });
    mesh.node("d").answer = { kind: "status", status: 503 };
    const ready = async (path: string) =>
      (await ask(`${mesh.balancer.managementUrl}${path}`)).status;
    expect([await ready("/ready"), await ready("/ready/gpt"), await ready("/ready/lab")]).toEqual([
      200, 200, 503,
    ]);
  });

  test("plain nginx keeps a client on a node in each pool, by a cookie for each path", async () => {
    const sticky = { ...PLAIN, sticky: { cookie: "mesh" } } as const;
    const pathOf = async (path: string, asked: Asked = {}) =>
      (await get(path, asked)).headers["set-cookie"]!.map((text) => /path=.*/.exec(text)![0]);
    await mesh.reload(sticky, NODES);
    expect(await pathOf("/api/tags")).toEqual(["path=/"]);
    expect(await pathOf("/gpt.oss/api/tags")).toEqual(["path=/gpt.oss/"]);
    expect(await pathOf("/api/tags", lab)).toEqual(["path=/"]);
    await mesh.reload({ ...sticky, basePath: "/llm" }, NODES);
    expect(await pathOf("/llm/gpt.oss/api/tags")).toEqual(["path=/"]);
    await mesh.reload(PLAIN, NODES);
  });

  test("below a base path, and where all nodes are in pools", async () => {
    const all = { ...NODES, a: { pool: "lab" } };
    await mesh.reload({ ...PLAIN, basePath: "/llm" }, all);
    for (const path of ["/gpt.oss/api/tags", "/llm/gpt.oss/api/tags"]) {
      expect((await get(path)).headers["x-mesh-node"], path).toBe("b");
    }
    mesh.node("b").answer = { kind: "status", status: 307, headers: { location: "/api/x" } };
    expect((await get("/llm/gpt.oss/api/tags")).headers.location).toBe("/llm/gpt.oss/api/x");
    for (const path of ["/api/tags", "/llm/api/tags", "/v1/models"]) {
      const answer = await get(path);
      expect(answer.status, path).toBe(404);
      expect(answer.text, path).toContain("its pools are at /gpt.oss, lab.example.org");
    }
    expect((await get("/healthz")).status).toBe(200);
    await mesh.reload(PLAIN, NODES);
  });
});
