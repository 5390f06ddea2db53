// What clients may send must fit into the container that production gives nginx: see templates/front/bodies.ts.
import { connect, type Socket } from "node:net";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { NGINX, ROUTER } from "../../../config/defaults.ts";
import { BODIES } from "../../../templates/tuning.ts";
import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { ask } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { RawSocket } from "../harness/raw-socket.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const MIB = 1024 * 1024;
const memory = [
  ...["--memory", `${NGINX.memoryMib}m`, "--memory-swap", `${NGINX.memoryMib}m`],
  ...["--tmpfs", `/tmp:mode=1777,size=${BODIES.roomMiB}m`],
];
/** 1,300 connects at once are more than a toy takes in two seconds. */
const BALANCER = { management: { port: 11435 }, connectTimeoutSeconds: 60 };
const LIMITS_MS = 300_000;

/** One upload of zeros, sent as fast as it is taken; the answer's status and text, or how the connection ended. */
function upload(url: string, path: string, size: number, chunked: boolean): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket: Socket = connect(Number(port), hostname);
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
    socket.on("error", ({ code }: NodeJS.ErrnoException) => answer || resolve(String(code)));
    socket.on("close", () => resolve(answer.slice(9, 12) || "closed"));
    const length = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${size}`;
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${length}\r\n\r\n`,
    );
    const piece = Buffer.alloc(Math.min(size, MIB), 32);
    let left = size;
    const more = () => {
      while (left > 0) {
        const part = piece.subarray(0, Math.min(left, piece.length));
        left -= part.length;
        if (chunked) socket.write(`${part.length.toString(16)}\r\n`);
        const room = socket.write(part);
        if (chunked) socket.write("\r\n");
        if (!room) return;
      }
      socket.off("drain", more);
      if (chunked) socket.write("0\r\n\r\n");
    };
    socket.on("drain", more);
    more();
  });
}

describe.skipIf(why)(`bodies${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a"], BALANCER, { docker: memory });
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => {
    mesh.node("a").answer = { kind: "ok", silentMs: 1500 };
    mesh.node("a").forget();
  });

  const deaths = async () => (await mesh.balancer.said()).match(/.*exited on signal.*/g) ?? [];

  /** All at once, beside a stream that began before; none of them is answered before all are there. */
  async function uploads(url: string, path: string, count: number, size: number, chunked = false) {
    const node = mesh.node("a");
    node.byPath["/api/generate"] = { kind: "tokens", count: 40, everyMs: 100 };
    const stream = ask(`${mesh.balancer.url}/api/generate`, { body: "{}" });
    await until("stream", async () => node.count("/api/generate") === 1, { seconds: 30 });
    const all = await Promise.all(
      Array.from({ length: count }, () => upload(url, path, size, chunked)),
    );
    const statuses = [...new Set(all)].sort();
    const whole = node.requests.filter(({ bytes }) => bytes === size).length;
    expect((await stream).text.split("\n")).toHaveLength(41);
    expect(await deaths()).toEqual([]);
    return { statuses, whole };
  }

  test.each([
    ["20 of 60 MiB", 20, 60 * MIB, false],
    ["90 of 2 MiB without a length", 90, 2 * MIB, true],
    ["150 of 9 MiB", 150, 9 * MIB, false],
    ["900 of 900 KiB, all below what stays in memory", 900, 900 * 1024, false],
  ])(
    "%s at once reach the node whole, and kill no worker",
    async (_what, count, size, chunked) => {
      expect(await uploads(mesh.balancer.url, "/api/chat", count, size, chunked)).toEqual({
        statuses: ["200"],
        whole: count,
      });
    },
    LIMITS_MS,
  );

  test(
    "20 of 60 MiB without a length at once: what finds no room is told to come back, and no worker is killed",
    async () => {
      const { statuses } = await uploads(mesh.balancer.url, "/api/chat", 20, 60 * MIB, true);
      expect(statuses.filter((status) => status !== "200")).toEqual(["503"]);
      expect(await upload(mesh.balancer.url, "/api/chat", 60 * MIB, true)).toBe("200");
    },
    LIMITS_MS,
  );

  test.each(["least_conn", "round_robin"] as const)(
    "requests beyond what nginx has memory for are told to come back, and the others go on: %s",
    async (algorithm) => {
      await mesh.reload({ ...BALANCER, algorithm });
      const node = mesh.node("a");
      let release = () => {};
      const released = new Promise<void>((resolve) => (release = resolve));
      node.answer = { kind: "tokens", count: 2, everyMs: 0, paced: () => released };
      const most = ROUTER.requestsMost;
      const chat = () => ask(`${mesh.balancer.bridgeUrl}/api/chat`, { body: '{"model":"m"}' });
      const inFlight = Array.from({ length: most }, chat);
      await until("all are in flight", async () => node.count() === most, { seconds: 60 });
      const beyond = await Promise.all(Array.from({ length: 300 }, chat));
      expect(new Set(beyond.map(({ status, text }) => `${status} ${text}`))).toEqual(
        new Set([
          `503 {"error":"server busy: the balancer has ${most} requests in flight, as many as it has memory for; try again"}`,
        ]),
      );
      expect(beyond[0]!.headers["retry-after"]).toBe("5");
      release();
      const ends = (await Promise.all(inFlight)).map(({ status, text }) => [
        status,
        text.trim().split("\n").length,
      ]);
      expect(ends).toEqual(ends.map(() => [200, 2]));
      expect((await chat()).status).toBe(200);
      expect(await deaths()).toEqual([]);
      await mesh.reload(BALANCER);
    },
    LIMITS_MS,
  );

  test(
    "the management listener holds nothing back either",
    async () => {
      const { managementUrl } = mesh.balancer;
      expect(await uploads(managementUrl, "/nodes/a/api/blobs/x", 20, 60 * MIB)).toEqual({
        statuses: ["200"],
        whole: 20,
      });
    },
    LIMITS_MS,
  );

  test.each([
    [0, true],
    [1200, false],
  ])(
    "maxBodyMib %i: a body larger than the container's memory passes",
    async (maxBodyMib, chunked) => {
      await mesh.reload({ maxBodyMib });
      const status = await upload(mesh.balancer.url, "/api/chat", 1150 * MIB, chunked);
      expect([status, mesh.node("a").requests[0]?.bytes]).toEqual(["200", 1150 * MIB]);
      expect(await deaths()).toEqual([]);
      await mesh.reload({});
    },
    LIMITS_MS,
  );

  test("what is not held goes by the path of its route, with its query, and only where its method may", async () => {
    await mesh.reload({ maxBodyMib: 1200, routes: { paths: [{ path: "/files/" }] } });
    const big = { "transfer-encoding": "chunked" };
    const at = (path: string, method = "POST") =>
      ask(`${mesh.balancer.url}${path}`, { method, headers: big });
    expect((await at("/api/%63hat?a=%20b")).status).toBe(200);
    expect((await at("/files/a%20b?c=d")).status).toBe(200);
    expect((await at("/api/chat", "PUT")).status).toBe(405);
    expect((await at("/api/pull")).status).toBe(403);
    expect((await at("/nothing")).status).toBe(404);
    expect(mesh.node("a").requests.map(({ url }) => url)).toEqual([
      "/api/chat?a=%20b",
      "/files/a%20b?c=d",
    ]);
    await mesh.reload({});
  });

  test("however many bodies are held, lists and pulls are answered, whose own length is not told", async () => {
    const node = mesh.node("a");
    const { bridgeUrl } = mesh.balancer;
    using one = await RawSocket.open(bridgeUrl);
    using two = await RawSocket.open(bridgeUrl);
    using three = await RawSocket.open(bridgeUrl);
    for (const each of [one, two, three]) {
      each.write("POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n");
    }
    // Two are held; the third is passed on before it is whole, as there is no room for it.
    await until("one beyond", async () => node.count("/api/chat") === 1, { seconds: 30 });
    // As a GET by HTTP/2 has none, too.
    const headers = { "transfer-encoding": "chunked" };
    const at = async (path: string, method = "GET") => {
      const { status, text } = await ask(`${bridgeUrl}${path}`, { method, headers });
      return [status, text.slice(0, 8)];
    };
    const fromNode = '{"done":';
    expect(await at("/api/tags")).toEqual([200, fromNode]);
    expect(await at("/api/ps/")).toEqual([200, fromNode]);
    expect(await at("/v1/models")).toEqual([200, fromNode]);
    expect(await at("/v1/models/a%2Fb")).toEqual([200, fromNode]);
    expect(await at("/api/pull", "POST")).toEqual([403, '{"error"']);
    expect(node.requests.map(({ url }) => url).slice(1)).toEqual([
      "/api/tags",
      "/api/ps",
      "/v1/models",
      "/v1/models/a%2Fb",
    ]);
  });

  test("errors of what is not held are JSON like all others", async () => {
    await mesh.reload({ maxBodyMib: 1200 });
    mesh.node("a").answer = { kind: "reset" };
    const { status, text } = await ask(`${mesh.balancer.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "transfer-encoding": "chunked" },
    });
    expect([status, JSON.parse(text)]).toMatchObject([503, { error: { type: "server_error" } }]);
    await mesh.reload({});
  });

  test("a limit per client holds for them, too", async () => {
    await mesh.reload({ maxBodyMib: 1200, access: { limits: { concurrent: 1 } } });
    const chat = () =>
      ask(`${mesh.balancer.bridgeUrl}/api/chat`, {
        method: "POST",
        headers: { "transfer-encoding": "chunked" },
      });
    // It is in flight until its body is whole, however long the second one takes.
    using first = await RawSocket.open(mesh.balancer.bridgeUrl);
    first.write("POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    await until("first", async () => mesh.node("a").count() === 1, { seconds: 30 });
    expect((await chat()).status).toBe(429);
    first.write("0\r\n\r\n");
    await first.expect("HTTP/1.1 200 OK");
    await mesh.reload({});
  });
});
