// A key of the mesh's own for a node: who sees it, and who never does.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { BalancerArgs } from "../../../config/balancer-args.ts";
import type { Known } from "../../../config/mesh-config.ts";
import { lacking } from "../../support/needs.ts";
import { FRONT_PORT } from "../../../templates/nginx-layout.ts";
import { Balancer, render } from "../harness/balancer.ts";
import { ask, CHAT, nodeOf } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const OF_A = "key-of-node-a.0001/+=";
const OF_B = "key:of|node-b~0002";
const CLIENTS = {
  authorization: "Bearer key-of-a-client-0003",
  "x-api-key": "key-of-a-client-0003",
};
/** c has none. */
const SETTINGS = { a: { apiKey: OF_A }, b: { apiKey: OF_B } };
const PLAIN = { routing: "plain", algorithm: "round_robin" } as const;
const ALL = { ...PLAIN, routes: { set: "all" } } as const;

describe.skipIf(why)(`a key for a node${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a", "b", "c"], PLAIN, { settings: SETTINGS });
  });
  afterAll(async () => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => {
    for (const node of mesh.nodes) node.answer = { kind: "ok" };
  });

  const serve = (balancer: Known<BalancerArgs>) => mesh.reload(balancer, SETTINGS);
  /** What each node was told of keys, without repetitions. */
  const told = () =>
    Object.fromEntries(
      mesh.nodes.map(({ name, requests }) => {
        const keys = requests.map(({ headers }) => [headers.authorization, headers["x-api-key"]]);
        return [
          name,
          [...new Set(keys.map((each) => JSON.stringify(each)))].map(
            (text) => JSON.parse(text) as unknown,
          ),
        ];
      }),
    );
  const askSome = async (count: number) => {
    for (let index = 0; index < count; index++) {
      await ask(`${mesh.balancer.url}/api/chat`, { ...CHAT, headers: CLIENTS });
    }
  };

  test("each node is told its own, whatever the client sent, and one without is told none", async () => {
    await serve(PLAIN);
    await askSome(6);
    expect(told()).toEqual({
      a: [[`Bearer ${OF_A}`, null]],
      b: [[`Bearer ${OF_B}`, null]],
      c: [[null, null]],
    });
  });

  test("where clients' own keys are passed on, they reach only nodes that the mesh has none for", async () => {
    await serve(ALL);
    await askSome(6);
    expect(told()).toEqual({
      a: [[`Bearer ${OF_A}`, null]],
      b: [[`Bearer ${OF_B}`, null]],
      c: [[CLIENTS.authorization, CLIENTS["x-api-key"]]],
    });
  });

  test.each([
    ["a connection that breaks", { kind: "reset" }],
    ["a 503", { kind: "status", status: 503 }],
  ] as const)(
    "after %s the next node is told its own key, never the first one's",
    async (_w, fault) => {
      await serve({ ...PLAIN, maxFails: 1000 });
      mesh.node("a").answer = fault;
      mesh.node("c").answer = fault;
      for (let index = 0; index < 6; index++) {
        const answer = await ask(`${mesh.balancer.url}/api/chat`, { ...CHAT, headers: CLIENTS });
        expect([answer.status, nodeOf(answer)]).toEqual([200, "b"]);
      }
      expect(mesh.node("a").count()).toBeGreaterThan(0);
      expect(told()).toEqual({
        a: [[`Bearer ${OF_A}`, null]],
        b: [[`Bearer ${OF_B}`, null]],
        c: [[null, null]],
      });
    },
  );

  test("who asks one node by the management listener needs no key for it", async () => {
    await serve({ ...PLAIN, management: { port: 11_500 } });
    await ask(`${mesh.balancer.managementUrl}/nodes/b/api/ps`, { headers: CLIENTS });
    expect(mesh.node("b").requests.map(({ url, headers }) => [url, headers.authorization])).toEqual(
      [["/api/ps", `Bearer ${OF_B}`]],
    );
  });

  test("a client finds it in no header of an answer, and the log has none", async () => {
    await serve({ ...PLAIN, nodeHeader: true });
    const answers = await Promise.all(
      [0, 1, 2].map(() => ask(`${mesh.balancer.url}/api/chat`, { ...CHAT, headers: CLIENTS })),
    );
    const seen = JSON.stringify(answers.map(({ headers, text }) => [headers, text]));
    for (const key of [OF_A, OF_B]) {
      expect(seen).not.toContain(key);
      expect(await mesh.balancer.said()).not.toContain(key);
    }
  });

  test("it stands in no config, and another key is another config", () => {
    const node = (apiKey: string) => ({
      nodes: [{ ...mesh.node("a").entry, apiKey }],
      balancer: PLAIN,
    });
    const [one, other] = [render(node(OF_A)), render(node(OF_B))];
    expect(one.conf).not.toContain(OF_A);
    expect(one.secrets["key-a.conf"]).toBe(`proxy_set_header Authorization "Bearer ${OF_A}";\n`);
    expect(one.hash).not.toBe(other.hash);
  });

  test("meshes that are nodes of each other pass nothing to and fro: the third that a request comes through is the last", async () => {
    await serve(PLAIN);
    const toys = mesh.nodes.slice(0, 2).map(({ entry }) => entry);
    const far = { name: "far", managed: false, port: FRONT_PORT, apiKey: OF_A, backup: true };
    const of = (own: object, address: string) => ({
      nodes: [own, { ...far, address }],
      balancer: { routing: "plain", access: { apiKeys: [{ name: "front", key: OF_A }] } },
    });
    const place = toys[0]!.address;
    await using one = await Balancer.start(image, of(toys[0]!, place));
    await using other = await Balancer.start(image, of(toys[1]!, one.address));
    await one.reload(of(toys[0]!, other.address));
    for (const node of mesh.nodes) node.answer = { kind: "status", status: 404 };
    const asked = { ...CHAT, headers: { authorization: `Bearer ${OF_A}` } };
    const { status, text } = await ask(`${one.bridgeUrl}/v1/chat/completions`, asked);
    expect([status, JSON.parse(text)]).toMatchObject([
      508,
      { error: { message: expect.stringContaining("has come through 3 meshes") as string } },
    ]);
    expect(mesh.counts()).toEqual({ a: 2, b: 1, c: 0 });
    const through = (name: string) =>
      mesh.node(name).requests.map(({ headers }) => headers["cdn-loop"]);
    expect([through("a"), through("b")]).toEqual([
      ["ollama-mesh", "ollama-mesh, ollama-mesh, ollama-mesh"],
      ["ollama-mesh, ollama-mesh"],
    ]);
  });

  test.each([
    ["cloudflare; loops=1", 200],
    ["ollama-mesh, ollama-mesh", 200],
    ["x-ollama-mesh, ollama-mesh-2, ollama-mesh", 200],
    ["ollama-mesh, cdn.example, ollama-mesh; a=b,ollama-mesh", 508],
  ])("what has come through %s gets %i", async (passed, status) => {
    await serve(PLAIN);
    const answer = await ask(`${mesh.balancer.url}/api/chat`, {
      ...CHAT,
      headers: { "cdn-loop": passed },
    });
    expect(answer.status).toBe(status);
    const told = mesh.nodes.flatMap(({ requests }) =>
      requests.map(({ headers }) => headers["cdn-loop"]),
    );
    expect(told).toEqual(status === 200 ? [`${passed}, ollama-mesh`] : []);
  });
});
