import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { ask, askOneByOne, BrokenAnswer, CHAT } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { RawSocket, WEB_SOCKET } from "../harness/raw-socket.ts";
import { tokenText } from "../harness/toy-answers.ts";
import type { ToyNode } from "../harness/toy-node.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const MIB = 1024 * 1024;
const TOKENS = 6;
const EVERY_MS = 100;

describe.skipIf(why)(`streaming${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  let node: ToyNode;
  let chat: string;
  const tokens = (format: "ndjson" | "sse") =>
    Array.from({ length: TOKENS }, (_, index) => tokenText(format, index));

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a"]);
    node = mesh.node("a");
    chat = `${mesh.balancer.url}/api/chat`;
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => {
    node.answer = { kind: "ok" };
    node.forget();
  });

  test.each(["ndjson", "sse"] as const)(
    "tokens of %s come one by one, as they are made",
    async (format) => {
      const { pieces } = await askOneByOne(chat, node, { count: TOKENS, format }, CHAT);
      expect(pieces.map(({ text }) => text)).toEqual(tokens(format));
    },
  );

  test("over HTTP/1.0 with buffers, nginx's old default, they come all together at the end", async () => {
    const old = (conf: string) =>
      conf
        .replace("proxy_http_version 1.1", "proxy_http_version 1.0")
        .replace("proxy_buffering off", "proxy_buffering on");
    await mesh.reload({}, {}, { edit: old });
    node.answer = { kind: "tokens", count: TOKENS, everyMs: EVERY_MS };
    const { pieces } = await ask(chat, CHAT);
    expect(pieces[0]!.ms).toBeGreaterThan((TOKENS - 1) * EVERY_MS * 0.9);
    await mesh.reload({});
  });

  test("no stream is compressed, whatever the client accepts", async () => {
    node.answer = { kind: "tokens", count: TOKENS, everyMs: 1 };
    const headers = { "accept-encoding": "gzip, br" };
    const answer = await ask(chat, { ...CHAT, headers });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    const zipped = (conf: string) =>
      conf.replace("gzip off", "gzip on; gzip_types application/x-ndjson; gzip_min_length 0");
    await mesh.reload({}, {}, { edit: zipped });
    expect((await ask(chat, { ...CHAT, headers })).headers["content-encoding"]).toBe("gzip");
    await mesh.reload({});
  });

  test.each([
    ["before the first byte", { kind: "hang" }],
    ["in the middle of a stream", { kind: "tokens", count: 100, everyMs: 100 }],
  ] as const)("a client that goes away %s ends the work of the node at once", async (_, answer) => {
    node.answer = answer;
    const leave = new AbortController();
    const asked = ask(chat, { ...CHAT, signal: leave.signal });
    await until("the request at the node", async () => node.requests[0]?.completeAt, {
      seconds: 30,
    });
    const left = Date.now();
    leave.abort();
    await expect(asked).rejects.toThrow(BrokenAnswer);
    const aborted = await until("the node to notice", async () => node.requests[0]!.abortedAt, {
      seconds: 30,
    });
    expect(aborted - left).toBeLessThan(8_000);
  });

  test("with proxy_ignore_client_abort the node would work on for nobody", async () => {
    const ignore = (conf: string) =>
      conf.replace("proxy_buffering off", "proxy_buffering off; proxy_ignore_client_abort on");
    await mesh.reload({}, {}, { edit: ignore });
    node.answer = { kind: "ok", silentMs: 600 };
    const leave = new AbortController();
    const asked = ask(chat, { ...CHAT, signal: leave.signal });
    await until("the request at the node", async () => node.requests[0]?.completeAt, {
      seconds: 30,
    });
    leave.abort();
    await expect(asked).rejects.toThrow(BrokenAnswer);
    await until("the node to be done", async () => node.inFlight === 0, { seconds: 30 });
    expect(node.requests[0]!.abortedAt).toBeUndefined();
    await mesh.reload({});
  });

  test("a body of 64 MiB passes whole, one byte more is refused as JSON", async () => {
    node.answer = { kind: "echo" };
    const answer = await ask(chat, { body: Buffer.alloc(64 * MIB, "x") });
    expect(JSON.parse(answer.text)).toMatchObject({ bytes: 64 * MIB });
    const more = await ask(chat, { body: Buffer.alloc(64 * MIB + 1, "x") }).catch(
      (error: BrokenAnswer) => error,
    );
    expect([more.status, node.count()]).toEqual([413, 1]);
  });

  test("without client_max_body_size an image of 2 MiB would be refused", async () => {
    await mesh.reload({}, {}, { edit: (conf) => conf.replace("client_max_body_size 64m;", "") });
    const answer = await ask(chat, { body: Buffer.alloc(2 * MIB, "x") }).catch(
      (error: BrokenAnswer) => error,
    );
    expect(answer.status).toBe(413);
    await mesh.reload({});
  });

  test("a client that asks first (Expect: 100-continue) is told to go on, and the node sees nothing of it", async () => {
    using socket = await RawSocket.open(mesh.balancer.url);
    socket.write(
      "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    );
    await socket.expect("HTTP/1.1 100 Continue\r\n\r\n");
    expect(node.count()).toBe(0);
    socket.write("{}");
    await socket.expect("HTTP/1.1 200 OK");
    expect(node.requests[0]).toMatchObject({ bytes: 2 });
    expect(node.requests[0]!.headers).not.toHaveProperty("expect");
  });

  test("a WebSocket passes in both directions where upgrades are declared", async () => {
    await mesh.reload({ routes: { set: "all", upgrade: true } });
    using socket = await RawSocket.open(mesh.balancer.url);
    socket.write(WEB_SOCKET);
    await socket.expect("HTTP/1.1 101 Switching Protocols");
    await socket.expect("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    socket.write("there and ");
    await socket.expect("there and ");
    socket.write("back again");
    await socket.expect("there and back again");
  });

  test.each(["h2c", "TLS/1.0", "websocket2", "h2c, websocket"])(
    "an upgrade to %s is served as a plain request, with its body",
    async (protocol) => {
      await mesh.reload({ routes: { set: "all", upgrade: true } });
      using socket = await RawSocket.open(mesh.balancer.url);
      socket.write(
        `POST /api/chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: ${protocol}\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      );
      await socket.expect("HTTP/1.1 200 OK");
      expect(node.requests[0]).toMatchObject({ bytes: 2 });
      expect(node.requests[0]!.headers).not.toHaveProperty("upgrade");
    },
  );

  test("and not where they are not", async () => {
    await mesh.reload({ routes: { set: "all" } });
    using socket = await RawSocket.open(mesh.balancer.url);
    socket.write(WEB_SOCKET);
    await socket.expect("HTTP/1.1 200 OK");
    expect(node.requests[0]!.headers).not.toHaveProperty("upgrade");
  });

  test.each([false, true])(
    "connections to nodes are kept and used again (upgrade: %s)",
    async (upgrade) => {
      await mesh.reload({ routing: "plain", workers: 1, routes: { upgrade } });
      for (let index = 0; index < 10; index++) await ask(chat, CHAT);
      expect([node.count(), node.connections]).toEqual([10, 1]);
    },
  );

  test("and closed after as many requests as declared", async () => {
    await mesh.reload({ routing: "plain", workers: 1, keepalive: { requests: 2 } });
    for (let index = 0; index < 10; index++) await ask(chat, CHAT);
    expect([node.count(), node.connections]).toEqual([10, 5]);
  });
});
