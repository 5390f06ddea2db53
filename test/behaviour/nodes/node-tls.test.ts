import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { Known } from "../../../config/mesh-config.ts";
import type { NodeTlsArgs } from "../../../config/node-args.ts";
import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { Balancer } from "../harness/balancer.ts";
import { makeAuthority, makeCertificate, type TestAuthority } from "../harness/certificate.ts";
import { ask, askOneByOne, BrokenAnswer, CHAT, nodeOf, tally } from "../harness/client.ts";
import { bridgeAddress } from "../harness/docker.ts";
import { RawSocket, WEB_SOCKET } from "../harness/raw-socket.ts";
import { tokenText } from "../harness/toy-answers.ts";
import { ToyNode } from "../harness/toy-node.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const NAME = "gpu.example.org";
const MIB = 1024 * 1024;

describe.skipIf(why)(`HTTPS to nodes${why ? ` (${why})` : ""}`, () => {
  let authority: TestAuthority;
  /** Speaks HTTPS; plain speaks HTTP. */
  let safe: ToyNode;
  let expired: ToyNode;
  let plain: ToyNode;
  let balancer: Balancer;
  let chat: string;

  /** Serves with these nodes, the settings of TLS by name; counts begin anew. */
  const serve = async (
    nodes: ToyNode[],
    tls: Record<string, Known<NodeTlsArgs>>,
    settings: object = {},
    edit?: (conf: string) => string,
  ) => {
    const entries = nodes.map((node) => {
      const own = tls[node.name];
      return own ? { ...node.entry, tls: own } : node.entry;
    });
    await balancer.reload({ nodes: entries, balancer: { routing: "plain", ...settings } }, edit);
    for (const node of nodes) {
      node.answer = { kind: "ok" };
      node.forget();
    }
  };
  const good = () => ({ serverName: NAME, caCertificate: authority.certificate });

  beforeAll(async () => {
    authority = await makeAuthority(image, NAME);
    const address = await bridgeAddress();
    safe = await ToyNode.start({ name: "safe", address, tls: authority.good });
    expired = await ToyNode.start({ name: "expired", address, tls: authority.expired });
    plain = await ToyNode.start({ name: "plain", address });
    balancer = await Balancer.start(image, { nodes: [plain.entry] });
    chat = `${balancer.url}/api/chat`;
  });
  afterAll(async () => {
    await balancer?.[Symbol.asyncDispose]();
    await Promise.all([safe, expired, plain].map((node) => node?.die()));
  });

  describe("a node whose certificate is good", () => {
    beforeEach(() => serve([safe, plain], { safe: good() }, { algorithm: "round_robin" }));

    test("shares the load with one that speaks HTTP, each by its name in answers and log", async () => {
      expect(await tally(chat, 10, nodeOf)).toEqual({ safe: 5, plain: 5 });
      const ids = ["first", "second"];
      for (const id of ids) await ask(chat, { ...CHAT, headers: { "x-request-id": id } });
      const nodes = await Promise.all(ids.map((id) => balancer.logged(id)));
      const { port } = plain;
      expect(nodes).toContainEqual(
        expect.objectContaining({ node: "safe", upstream: "unix:/tmp/node-safe.sock" }),
      );
      expect(nodes).toContainEqual(
        expect.objectContaining({ node: "plain", upstream: `${plain.address}:${port}` }),
      );
    });

    test("is asked by the name in its certificate, and gets the headers that any node gets", async () => {
      await serve([safe], { safe: good() });
      const headers = { "x-request-id": "over-tls", authorization: "Bearer x" };
      await ask(chat, { ...CHAT, headers });
      expect(safe.requests[0]!.headers).toMatchObject({
        host: `${NAME}:${safe.port}`,
        "x-request-id": "over-tls",
        "x-forwarded-proto": "http",
        "x-real-ip": expect.any(String),
      });
      expect(safe.requests[0]!.headers).not.toHaveProperty("authorization");
    });

    test("streams token by token", async () => {
      await serve([safe], { safe: good() });
      const { pieces } = await askOneByOne(chat, safe, { count: 6 }, CHAT);
      expect(pieces.map(({ text }) => text)).toEqual(
        Array.from({ length: 6 }, (_, index) => tokenText("ndjson", index)),
      );
    });

    test("keeps its connection, so that not every request pays for a handshake", async () => {
      await serve([safe], { safe: good() }, { workers: 1 });
      for (let index = 0; index < 10; index++) await ask(chat, CHAT);
      expect([safe.count(), safe.connections]).toEqual([10, 1]);
    });

    test("learns at once that a client went away", async () => {
      await serve([safe], { safe: good() });
      safe.answer = { kind: "hang" };
      const leave = new AbortController();
      const asked = ask(chat, { ...CHAT, signal: leave.signal });
      await until("the request", async () => safe.requests[0]?.completeAt, { seconds: 30 });
      const left = Date.now();
      leave.abort();
      await expect(asked).rejects.toThrow(BrokenAnswer);
      const at = await until("its end", async () => safe.requests[0]!.abortedAt, { seconds: 30 });
      expect(at - left).toBeLessThan(8_000);
    });

    test("gets bodies of 64 MiB whole", async () => {
      await serve([safe], { safe: good() });
      safe.answer = { kind: "echo" };
      const answer = await ask(chat, { body: Buffer.alloc(64 * MIB, "x") });
      expect(JSON.parse(answer.text)).toMatchObject({ bytes: 64 * MIB });
    });

    test("takes WebSockets where upgrades are declared", async () => {
      await serve([safe], { safe: good() }, { routes: { set: "all", upgrade: true } });
      using socket = await RawSocket.open(balancer.url);
      socket.write(WEB_SOCKET);
      await socket.expect("HTTP/1.1 101 Switching Protocols");
      socket.write("there and back again");
      await socket.expect("there and back again");
    });

    test("has its path on the management listener", async () => {
      await serve([safe], { safe: good() }, { management: { port: 11435 } });
      safe.answer = { kind: "echo" };
      const answer = await ask(`${balancer.managementUrl}/nodes/safe/api/ps?x=1`);
      expect(JSON.parse(answer.text)).toMatchObject({ method: "GET", url: "/api/ps?x=1" });
    });
  });

  describe("a node whose certificate is not", () => {
    const cases: [string, () => ToyNode, () => Promise<Known<NodeTlsArgs>>, string][] = [
      [
        "from another authority",
        () => safe,
        async () => ({
          serverName: NAME,
          caCertificate: (await makeCertificate(image)).certificate,
        }),
        "unable to verify the first certificate",
      ],
      [
        "from an authority that the public does not know",
        () => safe,
        async () => ({ serverName: NAME }),
        "unable to verify the first certificate",
      ],
      [
        "for another name",
        () => safe,
        async () => ({ ...good(), serverName: "other.example.org" }),
        'certificate does not match "other.example.org"',
      ],
      ["expired", () => expired, async () => good(), "certificate has expired"],
    ];

    test.each(cases)(
      "%s: gets no request; another node serves it, without one it is 503",
      async (_what, node, tls, reason) => {
        const own = { [node().name]: await tls() };
        await serve([node(), plain], own, { algorithm: "round_robin" });
        expect(await tally(chat, 6, ({ status }) => String(status))).toEqual({ 200: 6 });
        expect([node().count(), plain.count()]).toEqual([0, 6]);
        // nginx has said it by then; Docker may still be writing it down.
        const told = async () => (await balancer.said()).includes(reason);
        await until(`"${reason}" in the log`, told, { seconds: 30 });

        await serve([node()], own);
        const answer = await ask(chat, CHAT);
        expect([answer.status, JSON.parse(answer.text)]).toEqual([
          503,
          { error: expect.stringContaining("no node") },
        ]);
        expect(node().count()).toBe(0);
      },
    );

    test("would be served without proxy_ssl_verify, so that it is what refuses it", async () => {
      const off = (conf: string) => conf.replace("proxy_ssl_verify on", "proxy_ssl_verify off");
      await serve([expired], { expired: good() }, {}, off);
      expect((await ask(chat, CHAT)).status).toBe(200);
    });
  });

  describe("a node that fails behind HTTPS", () => {
    test.each([
      ["is gone", undefined],
      ["resets", { kind: "reset" }],
      ["answers 500", { kind: "status", status: 500 }],
      ["answers 502", { kind: "status", status: 502 }],
      ["has no such model", { kind: "status", status: 404 }],
    ] as const)("one that %s costs clients nothing", async (_what, answer) => {
      await serve([safe, plain], { safe: good() }, { algorithm: "round_robin" });
      if (answer) safe.answer = answer;
      else await safe.die();
      expect(await tally(chat, 6, ({ status }) => String(status))).toEqual({ 200: 6 });
      if (!answer) await safe.listen();
    });

    test("is left out after maxFails tries and used again when it is back, like any other", async () => {
      const settings = { algorithm: "round_robin", maxFails: 2, failTimeoutSeconds: 1 };
      await serve([safe, plain], { safe: good() }, settings);
      safe.answer = { kind: "reset" };
      const began = Date.now();
      expect(await tally(chat, 20, ({ status }) => String(status))).toEqual({ 200: 20 });
      // Two, and one more for each second that passed.
      expect(safe.count()).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - began) / 1000));
      safe.answer = { kind: "ok" };
      await until("a request at it", async () => nodeOf(await ask(chat, CHAT)) === "safe", {
        seconds: 30,
      });
    });

    test("an answer of its own goes to the client as it is, 502 too, where nothing is tried again", async () => {
      await serve([safe], { safe: good() }, { retry: { profile: "strict" } });
      safe.answer = { kind: "status", status: 502, body: '{"error":"its own words"}' };
      const answer = await ask(chat, CHAT);
      expect([answer.status, answer.text]).toEqual([502, '{"error":"its own words"}']);
    });

    test("a silent load is ended by the read time-out of the balancer, no sooner and no later", async () => {
      await serve([safe], { safe: good() }, { readTimeoutSeconds: 1 });
      safe.answer = { kind: "hang" };
      const { status, totalMs } = await ask(chat, CHAT);
      expect(status).toBe(504);
      expect(totalMs).toBeGreaterThan(950);
      expect(totalMs).toBeLessThan(10_000);
    });

    test("an answer that breaks off is seen broken", async () => {
      await serve([safe], { safe: good() });
      safe.answer = { kind: "tokens", count: 9, everyMs: 5, breakAfter: 4 };
      const broken = await ask(chat, CHAT).catch((error: BrokenAnswer) => error);
      expect(broken).toBeInstanceOf(BrokenAnswer);
      expect(broken.status).toBe(200);
    });
  });
});
