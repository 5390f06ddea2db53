// The set-ups of the articles that this project comes from, as the stack files of their goldens, on the wire.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { parseYaml } from "../../support/yaml.ts";
import { Balancer } from "../harness/balancer.ts";
import { makeCertificate, type TestCertificate } from "../harness/certificate.ts";
import { ask, CHAT, nodeOf, tally, type Asked } from "../harness/client.ts";
import { bridgeAddress } from "../harness/docker.ts";
import { RawSocket, WEB_SOCKET } from "../harness/raw-socket.ts";
import { ToyDns } from "../harness/toy-dns.ts";
import { ToyNode } from "../harness/toy-node.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const GOLDEN = join(import.meta.dirname, "../../golden/cases");
const ARTICLES = readdirSync(GOLDEN).filter((name) => name.startsWith("article-"));
/** Nodes of the largest. */
const MOST = 5;

/** Config of a mesh as far as it is changed here. */
interface Declared {
  nodes: { name: string; address: string; port?: number }[];
  balancer: { tls?: object } & Record<string, unknown>;
}

function declared(article: string): Declared {
  const text = readFileSync(join(GOLDEN, article, "stack.yaml"), "utf8");
  const { config } = parseYaml(text) as { config: Record<string, unknown> };
  return {
    nodes: config["ollama-mesh:nodes"],
    balancer: config["ollama-mesh:balancer"],
  } as Declared;
}

describe.skipIf(why)(`set-ups of the articles${why ? ` (${why})` : ""}`, () => {
  let toys: ToyNode[];
  let made: TestCertificate;
  let dns: ToyDns;
  let balancer: Balancer;
  let url: string;
  let ca: string | undefined;
  const claimed: string[] = [];

  beforeAll(async () => {
    const address = await bridgeAddress();
    made = await makeCertificate(image);
    dns = await ToyDns.start(address);
    toys = [];
    for (let index = 0; index < MOST; index++) {
      toys.push(await ToyNode.start({ name: `toy-${index}`, address }));
    }
    balancer = await Balancer.start(image, { nodes: [toys[0]!.entry] });
  });
  afterAll(async () => {
    await balancer?.[Symbol.asyncDispose]();
    await Promise.all((toys ?? []).map((toy) => toy.die()));
    await dns?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    for (const toy of toys) {
      toy.answer = { kind: "ok" };
      toy.forget();
    }
  });

  /** Serves with a stack file as it is, but that its nodes and certificate are a test's. */
  async function serve(article: string): Promise<void> {
    claimed.push(article);
    const { nodes, balancer: settings } = declared(article);
    const mesh = {
      nodes: nodes.map((node, i) => {
        const { address, port } = toys[i]!;
        return /[a-z]/.test(node.address) ? { ...node, port } : { ...node, address, port };
      }),
      balancer: settings.tls ? { ...settings, tls: made } : settings,
    };
    dns.names["model-server"] = [toys[0]!.address];
    const toyDns = `resolver ${toys[0]!.address}:${dns.port} valid=1s`;
    const named = nodes.some(({ address }) => /[a-z]/.test(address));
    await balancer.reload(
      mesh,
      named ? (conf) => conf.replace(/resolver \S+ valid=\S+/, toyDns) : undefined,
    );
    ca = settings.tls ? made.certificate : undefined;
    url = ca ? balancer.url.replace("http:", "https:") : balancer.url;
  }
  const asked = (more: Asked = {}): Asked => ({ ...CHAT, ...(ca ? { ca } : {}), ...more });
  const spread = (path: string, count: number, more?: (index: number) => Asked) =>
    tally(`${url}${path}`, count, nodeOf, (index) => asked(more?.(index)));
  const status = async (path: string, more: Asked = {}) =>
    (await ask(`${url}${path}`, asked(more))).status;
  /** Takes the first nodes away while work is done. */
  const without = async <T>(count: number, work: () => Promise<T>): Promise<T> => {
    const gone = toys.slice(0, count);
    await Promise.all(gone.map((toy) => toy.die()));
    try {
      return await work();
    } finally {
      await Promise.all(gone.map((toy) => toy.listen()));
    }
  };
  /** Requests in flight by toy, when so many hang. */
  const inFlight = async (path: string, count: number): Promise<number[]> => {
    const leave = new AbortController();
    for (const toy of toys) toy.answer = { kind: "hang" };
    const total = () => toys.reduce((sum, { inFlight: own }) => sum + own, 0);
    for (let index = 0; index < count; index++) {
      void ask(`${url}${path}`, asked({ signal: leave.signal })).catch(() => undefined);
      await until("the request at a node", async () => total() === index + 1, { seconds: 30 });
    }
    const seen = toys.map((toy) => toy.inFlight);
    leave.abort();
    await until("the nodes to be idle", async () => total() === 0, { seconds: 30 });
    return seen;
  };

  test("000: three nodes share; a POST goes on from a node that is gone, from one that answers 500 only a GET", async () => {
    await serve("article-000-mesh-of-three");
    expect(await spread("/api/chat", 9)).toEqual({ "node-1": 3, "node-2": 3, "node-3": 3 });
    expect(await without(1, () => tally(`${url}/api/chat`, 6, (a) => String(a.status)))).toEqual({
      200: 6,
    });
    await serve("article-000-mesh-of-three");
    for (const toy of toys.slice(0, 2)) toy.answer = { kind: "status", status: 500 };
    const reads = await tally(`${url}/api/tags`, 3, (a) => String(a.status), {});
    expect(reads).toEqual({ 200: 3 });
    await serve("article-000-mesh-of-three");
    const writes = await tally(`${url}/api/chat`, 9, (a) => String(a.status));
    expect(writes).toEqual({ 200: 3, 500: 6 });
  });

  test("000: the node in maintenance gets nothing", async () => {
    await serve("article-000-maintenance-of-one");
    expect(await spread("/api/chat", 8)).toEqual({ "node-1": 4, "node-3": 4 });
  });

  test("001: by weight 5:3:1 behind TLS; the backup only when all three are gone, the one in maintenance never", async () => {
    await serve("article-001-weighted-round-robin-with-a-front");
    expect(await spread("/x", 18)).toEqual({ "app-1": 10, "app-2": 6, "app-3": 2 });
    // Two tries for each request: those of the first ones may both be dead.
    const last = await without(3, async () => {
      await spread("/x", 20);
      return spread("/x", 4);
    });
    expect(last).toEqual({ "app-4": 4 });
  });

  test("001: in flight 5:3:1 with least_conn", async () => {
    await serve("article-001-weighted-least-conn");
    expect(await inFlight("/x", 9)).toEqual([5, 3, 1, 0, 0]);
  });

  test("001: a client address stays on its node", async () => {
    await serve("article-001-client-address-hash");
    expect(Object.values(await spread("/x", 6))).toEqual([6]);
  });

  test("001: a URI stays on its node, and many reach all three", async () => {
    await serve("article-001-hash-of-the-uri");
    expect(Object.values(await spread("/same", 6))).toEqual([6]);
    // A node's part of the hashes goes by its port, which is another one each time: of 30 URIs none
    // was app-3's (weight 1 of 9) in three runs of a hundred.
    const nodes = new Set<string>();
    for (let index = 0; index < 300; index++) nodes.add(nodeOf(await ask(`${url}/x${index}`)));
    expect([...nodes].sort()).toEqual(["app-1", "app-2", "app-3"]);
  });

  test("002: /predict and /health and nothing else; in flight 3:2, the backup when both are gone", async () => {
    await serve("article-002-fastapi-with-a-backup");
    expect(await inFlight("/predict", 5)).toEqual([3, 2, 0, 0, 0]);
    for (const toy of toys) toy.answer = { kind: "ok" };
    expect((await ask(`${url}/health`)).status).toBe(200);
    expect([await status("/other"), await status("/health")]).toEqual([404, 405]);
    expect(await without(2, () => spread("/predict", 4))).toEqual({ "model-3": 4 });
  });

  test("002: behind a CDN a forwarded address stays on its node, and many reach all three", async () => {
    await serve("article-002-behind-a-cdn-by-forwarded-for");
    const from = (address: string): Asked => ({ headers: { "x-forwarded-for": address } });
    expect(Object.values(await spread("/predict", 6, () => from("203.0.113.7")))).toEqual([6]);
    const all = await spread("/predict", 200, (index) => from(`203.0.113.${index}`));
    expect(Object.keys(all).sort()).toEqual(["model-1", "model-2", "model-3"]);
  });

  test("002: stateful models: a client address stays on its node", async () => {
    await serve("article-002-stateful-models-by-client-address");
    expect(Object.values(await spread("/predict", 6))).toEqual([6]);
  });

  test("002: scaled by name: what the name leads to serves, without a reload", async () => {
    await serve("article-002-scaled-by-name");
    await until("an answer of the name", async () => (await status("/x")) === 200, { seconds: 60 });
  });

  test("003: 100 a minute with a burst of 20 behind TLS, then 429; the backup when both are gone", async () => {
    await serve("article-003-backup-and-limits-behind-tls");
    const began = Date.now();
    const codes = await tally(`${url}/x`, 60, (a) => String(a.status), asked());
    // One more each 0.6 s: all 60 only on a machine that takes 23 s for them; 30 have taken 0.2 s.
    const more = Math.ceil((Date.now() - began) / 600);
    expect(codes["200"]).toBeGreaterThanOrEqual(21);
    expect(codes["200"]).toBeLessThanOrEqual(21 + more);
    expect(codes["429"]).toBe(60 - codes["200"]!);
    await without(2, () =>
      until(
        "an answer of the backup",
        async () => nodeOf(await ask(`${url}/x`, asked())) === "server-3",
        { seconds: 60 },
      ),
    );
  });

  test("003: random two: every node works, and the busiest is never chosen", async () => {
    await serve("article-003-spread-by-random-two");
    const [most = 0, second = 0, least] = (await inFlight("/x", 18))
      .slice(0, 3)
      .sort((a, b) => b - a);
    expect(most - second).toBeLessThanOrEqual(1);
    // It is in none of eighteen pairs once in 129 million runs.
    expect(least).toBeGreaterThan(0);
  });

  test("003: WebSockets pass", async () => {
    await serve("article-003-websockets-for-an-hour");
    using socket = await RawSocket.open(url);
    socket.write(WEB_SOCKET);
    await socket.expect("HTTP/1.1 101 Switching Protocols");
    socket.write("there and back");
    await socket.expect("there and back");
  });

  test("that is every set-up there is a stack file of", () => {
    expect([...new Set(claimed)].sort()).toEqual([...ARTICLES].sort());
  });
});
