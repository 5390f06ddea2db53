import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { lacking, need } from "../../support/needs.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { raw, statuses } from "../harness/raw.ts";
import {
  isModelName,
  KEY,
  MANAGEMENT,
  METHODS,
  odd,
  paths,
  SERVED,
} from "../harness/security-table.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

describe.skipIf(why)(`the front${why ? ` (${why})` : ""}`, { timeout: 300_000 }, () => {
  let open: ToyMesh;
  let keyed: ToyMesh;
  const reached = (mesh: ToyMesh) => {
    const all = mesh.node("a").requests.map(({ method, url }) => `${method} ${url}`);
    mesh.node("a").forget();
    return all;
  };
  const send = (mesh: ToyMesh, head: string, headers = "", version = "HTTP/1.1") =>
    raw(
      mesh.balancer.bridgeUrl,
      `${head} ${version}\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`,
    );
  const BEARER = `Authorization: Bearer ${KEY}\r\n`;

  beforeAll(async () => {
    open = await ToyMesh.start(image, ["a"]);
    keyed = await ToyMesh.start(image, ["a"], { access: { apiKeys: [{ name: "t", key: KEY }] } });
  });
  afterAll(async () => {
    await open?.[Symbol.asyncDispose]();
    await keyed?.[Symbol.asyncDispose]();
  });

  test("every route by every method: what is declared reaches a node, and nothing else", async () => {
    const expected: string[] = [];
    for (const path of [...paths(SERVED), ...MANAGEMENT]) {
      for (const method of METHODS) {
        const request = `${method} ${path}`;
        await send(open, request);
        if (SERVED.has(request)) expected.push(request);
      }
    }
    expect(reached(open)).toEqual(expected);
  });

  test("every route by every method without a key, with a wrong and with half a key: nothing reaches a node", async () => {
    const keys = ["", BEARER.replace(KEY, KEY.toUpperCase()), `X-API-Key: ${KEY.slice(1)}\r\n`];
    for (const path of [...paths(SERVED), ...MANAGEMENT]) {
      for (const method of METHODS) {
        for (const key of keys) {
          const [status] = statuses(await send(keyed, `${method} ${path}`, key));
          expect([method, path, status]).toEqual([method, path, 401]);
        }
      }
    }
    expect(reached(keyed)).toEqual([]);
  });

  test("every route by every method with the key: the same as without keys at all", async () => {
    const expected: string[] = [];
    for (const path of [...paths(SERVED), ...MANAGEMENT]) {
      for (const method of METHODS) {
        const request = `${method} ${path}`;
        await send(keyed, request, BEARER);
        if (SERVED.has(request)) expected.push(request);
      }
    }
    expect(reached(keyed)).toEqual(expected);
  });

  test("odd ways to write a management path reach no node, by no method and no version", async () => {
    for (const path of MANAGEMENT.flatMap(odd)) {
      for (const method of ["GET", "POST", "DELETE"]) {
        for (const version of ["HTTP/1.1", "HTTP/1.0"]) {
          await send(open, `${method} ${path}`, "", version);
        }
      }
    }
    // A model's name may be anything below /v1/models/, but nothing that leads out of it.
    expect(reached(open).filter((request) => !isModelName(request))).toEqual([]);
  });

  test("odd ways to write an inference path reach a node as the path itself or not at all", async () => {
    const inference = paths(SERVED).filter((path) => /chat|generate|tags/.test(path));
    for (const path of inference.flatMap(odd)) {
      for (const method of ["GET", "POST"]) await send(open, `${method} ${path}`);
    }
    const others = reached(open).filter(
      (request) => !SERVED.has(request.split("?")[0]!) && !isModelName(request),
    );
    expect(others).toEqual([]);
  });

  test("nothing odd gets past the key", async () => {
    for (const path of [...paths(SERVED), "/healthz", ...MANAGEMENT].flatMap(odd)) {
      await send(keyed, `POST ${path}`);
      await send(keyed, `GET ${path}`, "", "HTTP/1.0");
    }
    expect(reached(keyed)).toEqual([]);
  });

  test("whole URLs, old versions and methods in another case are no way to a management route", async () => {
    for (const path of MANAGEMENT) {
      await send(open, `POST http://mesh${path}`);
      await send(open, `POST http://localhost:11434${path}`);
      await send(open, `post ${path}`);
      await send(open, `OPTIONS *`);
      await send(open, `CONNECT localhost:11434`);
      await raw(open.balancer.bridgeUrl, `GET ${path}\r\n`);
      await send(
        open,
        `POST ${path}`,
        "X-Original-URL: /api/chat\r\nX-HTTP-Method-Override: GET\r\n",
      );
      await send(
        open,
        "POST /api/nothing",
        `X-Rewrite-URL: ${path}\r\nX-Original-URL: ${path}\r\n`,
      );
    }
    expect(reached(open)).toEqual([]);
  });

  test("HTTP/0.9 reaches what a GET may", async () => {
    expect(await raw(open.balancer.bridgeUrl, "GET /api/tags\r\n")).toBe('{"done":true}');
    expect(reached(open)).toEqual(["GET /api/tags"]);
    await raw(keyed.balancer.bridgeUrl, "GET /api/tags\r\n");
    expect(reached(keyed)).toEqual([]);
  });

  const INNER = "DELETE /api/delete HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const CHUNKED = `0\r\n\r\n${INNER}`;
  test.each([
    ["TE and CL", `Transfer-Encoding: chunked\r\nContent-Length: ${CHUNKED.length}`, CHUNKED],
    ["CL and TE", `Content-Length: ${CHUNKED.length}\r\nTransfer-Encoding: chunked`, CHUNKED],
    ["two lengths", `Content-Length: 0\r\nContent-Length: ${INNER.length}`, INNER],
    ["a list of lengths", `Content-Length: 0, ${INNER.length}`, INNER],
    ["a length with a sign", `Content-Length: +${INNER.length}`, INNER],
    ["two encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", CHUNKED],
    ["an encoding with a space", "Transfer-Encoding : chunked", CHUNKED],
    ["an encoding with a tab", "Transfer-Encoding:\tchunked", CHUNKED],
    ["an encoding by another name", "Transfer-Encoding: xchunked", CHUNKED],
    ["an encoding on a folded line", "Transfer-Encoding:\r\n chunked", CHUNKED],
    ["a bare line feed in the chunks", "Transfer-Encoding: chunked", `0\n\n${INNER}`],
    ["an extension of a chunk", "Transfer-Encoding: chunked", `0;a\n${INNER}`],
    [
      "a chunk's size that overflows",
      "Transfer-Encoding: chunked",
      `fffffffffffffffff\r\n${INNER}`,
    ],
    ["a body behind a GET", `Content-Length: ${INNER.length}`, INNER],
  ])("a request hidden in another by %s reaches no node", async (_what, headers, body) => {
    for (const head of ["POST /api/chat", "GET /api/tags", "POST /api/delete"]) {
      await raw(
        open.balancer.bridgeUrl,
        `${head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n\r\n${body}`,
      );
      await raw(
        keyed.balancer.bridgeUrl,
        `${head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${BEARER}${headers}\r\n\r\n${body}`,
      );
    }
    for (const mesh of [open, keyed]) {
      expect(reached(mesh).filter((request) => !SERVED.has(request))).toEqual([]);
    }
  });

  test("a second request on a connection is held to the same rules", async () => {
    const first = `POST /api/chat HTTP/1.1\r\nHost: localhost\r\n${BEARER}Content-Length: 0\r\n\r\n`;
    const second = "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n";
    const answer = await raw(
      keyed.balancer.bridgeUrl,
      `${first}${second}\r\n${first.replace("/api/chat", "/api/delete")}${second}Connection: close\r\n\r\n`,
    );
    expect(statuses(answer)).toEqual([200, 401, 403, 401]);
    expect(reached(keyed)).toEqual(["POST /api/chat"]);
  });
});

test("where every path is served, the only one without a key is /healthz", async (context) => {
  const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
  const access = {
    apiKeys: [{ name: "t", key: KEY }],
    corsOrigins: ["https://chat.example.org"],
  };
  await using mesh = await ToyMesh.start(image, ["a"], { access, routes: { set: "all" } });
  const open = ["/healthz", "/mesh-error/400", "/mesh-error/http", "/mesh-error/nothing"];
  for (const path of [...open, ...MANAGEMENT, ...paths(SERVED)].flatMap((path) => [
    path,
    ...odd(path),
  ])) {
    for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
      const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`;
      await raw(mesh.balancer.bridgeUrl, `${head}\r\n`);
      const preflight = "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n";
      await raw(mesh.balancer.bridgeUrl, `${head}${preflight}\r\n`);
    }
  }
  expect(mesh.node("a").requests.map(({ method, url }) => `${method} ${url}`)).toEqual([]);
  await raw(
    mesh.balancer.bridgeUrl,
    `PUT /any/thing?q=1 HTTP/1.0\r\nAuthorization: Bearer ${KEY}\r\n\r\n`,
  );
  expect(mesh.node("a").requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "PUT /any/thing?q=1",
  ]);
}, 300_000);
