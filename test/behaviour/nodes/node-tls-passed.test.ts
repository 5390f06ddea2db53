// What the TLS proxy in front of a node passes on, and what not.
import { expect, test } from "vitest";

import { need } from "../../support/needs.ts";
import { Balancer } from "../harness/balancer.ts";
import { makeAuthority } from "../harness/certificate.ts";
import { ask, CHAT } from "../harness/client.ts";
import { bridgeAddress } from "../harness/docker.ts";
import { RawSocket } from "../harness/raw-socket.ts";
import { ToyNode } from "../harness/toy-node.ts";

const NAME = "gpu.example.org";

test("a node behind HTTPS gets no upgrade but websocket, and may send 60 KiB of headers", async (context) => {
  const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
  const { good, certificate: caCertificate } = await makeAuthority(image, NAME);
  await using node = await ToyNode.start({ name: "a", address: await bridgeAddress(), tls: good });
  await using balancer = await Balancer.start(image, {
    nodes: [{ ...node.entry, tls: { serverName: NAME, caCertificate } }],
    balancer: { routes: { set: "all", upgrade: true } },
  });
  using socket = await RawSocket.open(balancer.url);
  socket.write(
    "POST /x HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}",
  );
  await socket.expect("HTTP/1.1 200 OK");
  expect(node.requests[0]).toMatchObject({ bytes: 2 });
  expect(node.requests[0]!.headers).not.toHaveProperty("upgrade");

  node.answer = { kind: "ok", headers: { "x-large": "v".repeat(60 * 1024) } };
  const { status, headers } = await ask(`${balancer.url}/api/chat`, CHAT);
  expect([status, headers["x-large"]?.length]).toEqual([200, 60 * 1024]);

  node.answer = { kind: "ok", headers: { "x-large": "v".repeat(100 * 1024) } };
  const refused = await ask(`${balancer.url}/api/chat`, CHAT);
  expect([refused.status, refused.text]).toMatchObject([
    503,
    expect.stringContaining('"node a answered with what cannot be passed on: headers of more'),
  ]);

  node.answer = { kind: "ok" };
  node.forget();
  const cookie = `sso=${"c".repeat(31 * 1024)}`;
  expect((await ask(`${balancer.url}/api/chat`, { ...CHAT, headers: { cookie } })).status).toBe(
    200,
  );
  expect(node.requests[0]!.headers.cookie).toBe(cookie);
});

test("where a node behind HTTPS sends a client by its own name is at the balancer, by whichever scheme", async (context) => {
  const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
  const { good, certificate: caCertificate } = await makeAuthority(image, NAME);
  await using node = await ToyNode.start({ name: "a", address: await bridgeAddress(), tls: good });
  await using balancer = await Balancer.start(image, {
    nodes: [{ ...node.entry, tls: { serverName: NAME, caCertificate } }],
    balancer: { basePath: "/ollama" },
  });
  const at = `${NAME}:${node.port}`;
  for (const [location, plain, below] of [
    [`https://${at}/v1/models?a=b`, "/v1/models?a=b", "/ollama/v1/models?a=b"],
    [`http://${at}/v1/models`, "/v1/models", "/ollama/v1/models"],
    ["/v1/models", "/v1/models", "/ollama/v1/models"],
    ["https://b.example/x", "https://b.example/x", "https://b.example/x"],
  ] as const) {
    node.answer = { kind: "status", status: 307, headers: { location } };
    const told = async (path: string) =>
      (await ask(`${balancer.url}${path}/api/chat`, CHAT)).headers.location;
    expect([await told(""), await told("/ollama")]).toEqual([plain, below]);
  }
});
