import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { until } from "../../../toolchain/until.mjs";
import { MANAGEMENT_PORT } from "../../../templates/nginx-layout.ts";
import { lacking } from "../../support/needs.ts";
import { ask, type Asked } from "../harness/client.ts";
import { docker, uniqueName } from "../harness/docker.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { raw, statuses } from "../harness/raw.ts";
import { RawSocket } from "../harness/raw-socket.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const MIB = 1024 * 1024;

describe.skipIf(why)(`the management listener${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  const at = (path: string, asked: Asked = {}) =>
    ask(`${mesh.balancer.managementUrl}${path}`, asked);

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a", "b"], { management: { port: 11435 } });
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => {
    for (const node of mesh.nodes) {
      node.answer = { kind: "ok" };
      node.forget();
    }
  });

  test.each([
    ["POST", "/api/pull"],
    ["POST", "/api/push"],
    ["POST", "/api/create"],
    ["POST", "/api/copy"],
    ["DELETE", "/api/delete"],
    ["HEAD", "/api/blobs/sha256:00ff"],
    ["GET", "/api/ps"],
  ])("%s %s reaches just the node in the path", async (method, path) => {
    const { status } = await at(`/nodes/b${path}?x=1`, { method });
    expect([status, mesh.counts()]).toEqual([200, { a: 0, b: 1 }]);
    expect(mesh.node("b").requests[0]).toMatchObject({ method, url: `${path}?x=1` });
    expect(mesh.node("b").requests[0]!.headers.host).toBe("localhost:11434");
  });

  test.each([
    ["an escaped slash", "/v2/hf.co%2Fx%2Fy/manifests/Q4", "/v2/hf.co%2Fx%2Fy/manifests/Q4"],
    ["an escaped letter", "/api/%70s", "/api/%70s"],
    ["two slashes", "//api//ps", "//api//ps"],
    ["a query", "/api/tags?a=%2F&b", "/api/tags?a=%2F&b"],
    ["nothing", "/", "/"],
  ])("a node gets the path as it was written: %s", async (_, path, expected) => {
    expect((await at(`/nodes/b${path}`)).status).toBe(200);
    expect(mesh.node("b").requests.map(({ url }) => url)).toEqual([expected]);
  });

  test("a whole URL is understood, and what only looks like a node's path is none", async () => {
    const get = (target: string) =>
      raw(
        mesh.balancer.managementUrl,
        `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
    expect(statuses(await get("http://localhost:11435/nodes/b/api/ps"))).toEqual([200]);
    expect(mesh.node("b").requests.map(({ url }) => url)).toEqual(["/api/ps"]);
    expect(statuses(await get("/no%64es/b/api/ps"))).toEqual([404]);
    expect(mesh.counts()).toEqual({ a: 0, b: 1 });
  });

  test("a node in maintenance is reached too, and one that does not exist is 404", async () => {
    const management = { port: 11435 };
    await mesh.reload({ management }, { a: { maintenance: true } });
    expect((await at("/nodes/a/api/tags")).status).toBe(200);
    expect((await at("/nodes/z/api/tags")).status).toBe(404);
    expect((await at("/api/delete", { method: "DELETE" })).status).toBe(404);
    await mesh.reload({ management });
  });

  test("a blob goes to the node while it comes in; on the front a body waits until it is whole", async () => {
    const head = "HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst";
    using blob = await RawSocket.open(mesh.balancer.managementUrl);
    blob.write(`POST /nodes/a/api/blobs/sha256:00 ${head}`);
    await until("half a blob at the node", async () => mesh.node("a").requests[0]?.bytes === 5, {
      seconds: 30,
    });
    using chat = await RawSocket.open(mesh.balancer.url);
    chat.write(`POST /api/chat ${head}`);
    blob.write("other");
    await blob.expect("HTTP/1.1 200 OK");
    expect(mesh.counts()).toEqual({ a: 1, b: 0 });
    chat.write("other");
    await chat.expect("HTTP/1.1 200 OK");
  });

  test("a body may be larger than on the front", async () => {
    mesh.node("a").answer = { kind: "echo" };
    const body = Buffer.alloc(65 * MIB);
    expect(JSON.parse((await at("/nodes/a/api/blobs/sha256:00", { body })).text)).toMatchObject({
      bytes: 65 * MIB,
    });
  });

  test("the page of a browser is refused, whatever it asks for", async () => {
    for (const origin of ["https://evil.example", "http://127.0.0.1:11435", "null"]) {
      const answer = await at("/nodes/a/api/pull", { method: "POST", headers: { origin } });
      expect([origin, answer.status]).toEqual([origin, 403]);
    }
    expect(mesh.counts()).toEqual({ a: 0, b: 0 });
  });

  test("/ready tells whether some node answers, /healthz only that nginx does", async () => {
    expect((await at("/ready")).status).toBe(200);
    await mesh.node("a").die();
    expect((await at("/ready")).status).toBe(200);
    await mesh.node("b").die();
    const answer = await at("/ready");
    expect([answer.status, JSON.parse(answer.text)]).toEqual([503, { error: "no node answers" }]);
    expect((await at("/healthz")).status).toBe(200);
    for (const node of mesh.nodes) await node.listen();
    await until("readiness again", async () => (await at("/ready")).status === 200, {
      seconds: 30,
    });
  });

  test("a server without Ollama's page is ready when it answers at all", async () => {
    const management = { port: 11435 };
    await mesh.reload({ management, routes: { set: "all" } });
    for (const node of mesh.nodes) node.answer = { kind: "status", status: 404 };
    expect((await at("/ready")).status).toBe(200);
    for (const node of mesh.nodes) node.answer = { kind: "status", status: 503 };
    expect((await at("/ready")).status).toBe(503);
    await mesh.reload({ management });
  });

  test("nginx's counters and the hash of its config are here, and not on the front", async () => {
    expect((await at("/stub_status")).text).toMatch(/^Active connections: \d+/);
    expect((await at("/config-hash")).text).toMatch(/^[0-9a-f]{16}/);
    for (const path of ["/stub_status", "/config-hash", "/nodes/a/api/tags", "/ready"]) {
      expect([path, (await ask(`${mesh.balancer.url}${path}`)).status]).toEqual([path, 404]);
    }
  });

  test("a node's path without its slash leads to the one with it, on the client's own port", async () => {
    expect((await at("/nodes/a")).headers.location).toBe("/nodes/a/");
  });

  test.each([
    ["http://localhost:11434/v1/models?a=b", "/nodes/a/v1/models?a=b"],
    ["https://localhost:11434/", "/nodes/a/"],
    ["/api/tags", "/nodes/a/api/tags"],
    ["https://b.example/x", "https://b.example/x"],
  ])("where a node sends a client by %s is below the node again", async (location, below) => {
    mesh.node("a").answer = { kind: "status", status: 307, headers: { location } };
    expect((await at("/nodes/a/v1/models/")).headers.location).toBe(below);
    mesh.node("a").answer = { kind: "ok" };
  });

  test("networks that the balancer has joined do not lead to it, unless it is another address's", async () => {
    const network = uniqueName("joined");
    const { name } = mesh.balancer;
    const subnetOf = "{{range .IPAM.Config}}{{.Subnet}}{{end}}";
    const subnet = (await docker("network", "inspect", "bridge", "--format", subnetOf)).trim();
    await docker("network", "create", network);
    try {
      await docker("network", "connect", network, name);
      const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
      const inside = `http://${(await docker("inspect", "--format", format, name)).trim()}:${MANAGEMENT_PORT}`;
      const remove = { method: "DELETE" };
      const joined = async () => (await ask(`${inside}/nodes/a/api/delete`, remove)).status;
      const management = { port: 11435 };
      await mesh.reload({ management, networks: [network], subnet });
      expect([await joined(), (await at("/nodes/a/api/delete", remove)).status]).toEqual([
        403, 200,
      ]);
      expect(mesh.counts()).toEqual({ a: 1, b: 0 });
      await mesh.reload({
        management: { ...management, address: "192.168.1.2" },
        networks: [network],
        subnet,
      });
      expect([await joined(), (await at("/nodes/a/api/delete", remove)).status]).toEqual([
        200, 200,
      ]);
    } finally {
      await docker("network", "disconnect", "--force", network, name).catch(() => undefined);
      await docker("network", "rm", network).catch(() => undefined);
      await mesh.reload({ management: { port: 11435 } });
    }
  });

  test("without balancer.management nothing listens", async () => {
    await mesh.reload({});
    await expect(at("/healthz")).rejects.toThrow();
  });
});
