// Pools behind a balancer that knows its nodes: each lists, is asked for, and refuses by, what its own nodes have.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { until } from "../../toolchain/until.mjs";
import { Balancer } from "../behaviour/harness/balancer.ts";
import { ask, nodeOf, type Asked } from "../behaviour/harness/client.ts";
import { bridgeAddress } from "../behaviour/harness/docker.ts";
import { lacking } from "../support/needs.ts";
import { ModelNode } from "./harness/model-node.ts";
import { names } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const KNOWN = { seconds: 60 };
const HOST = { headers: { host: "lab.example.org" } };
const MODELS = {
  a: ["m:latest", "small:1b"],
  b: ["m:latest", "qwen:30b"],
  c: ["qwen:30b"],
  d: ["lab:7b"],
};
type Name = keyof typeof MODELS;
const POOL: Partial<Record<Name, string>> = { b: "qwen", c: "qwen", d: "lab" };
const BALANCER = {
  management: { port: 11435 },
  sticky: { header: "X-Session-ID" },
  pools: [
    { name: "qwen", path: "/qwen" },
    { name: "lab", host: "lab.example.org" },
  ],
};

describe.skipIf(why)(`pools of models${why ? ` (${why})` : ""}`, () => {
  const nodes: ModelNode[] = [];
  let balancer: Balancer;
  const config = (settings: Partial<Record<Name, object>> = {}, of: object = {}) => ({
    nodes: nodes.map(({ entry, name }) => ({
      ...entry,
      ...(POOL[name as Name] === undefined ? {} : { pool: POOL[name as Name] }),
      ...settings[name as Name],
    })),
    balancer: { ...BALANCER, ...of },
  });
  beforeAll(async () => {
    const address = await bridgeAddress();
    for (const [name, models] of Object.entries(MODELS)) {
      nodes.push(await ModelNode.start({ name, models, address }));
    }
    balancer = await Balancer.start(image, config());
    await known();
  });
  afterAll(async () => {
    await balancer?.[Symbol.asyncDispose]();
    for (const node of nodes) await node[Symbol.asyncDispose]();
  });

  const get = (path: string, asked: Asked = {}) => ask(`${balancer.url}${path}`, asked);
  const chat = (path: string, model: string, headers: Record<string, string> = {}) =>
    get(`${path}/api/chat`, {
      body: JSON.stringify({ model, messages: [{ content: "n=1" }] }),
      headers,
    });
  const known = () =>
    until(
      "lists of the pools",
      async () => {
        const all = await Promise.all([
          get("/api/tags"),
          get("/qwen/api/tags"),
          get("/api/tags", HOST),
        ]);
        return all.every((answer) => nodeOf(answer) === "");
      },
      KNOWN,
    );

  test("each pool lists the models of its own nodes", async () => {
    expect(names((await get("/api/tags")).text)).toEqual(["m:latest", "small:1b"]);
    expect(names((await get("/qwen/api/tags")).text)).toEqual(["m:latest", "qwen:30b"]);
    expect(names((await get("/api/tags", HOST)).text)).toEqual(["lab:7b"]);
    const ids = async (path: string, asked: Asked = {}) =>
      (JSON.parse((await get(path, asked)).text) as { data: { id: string }[] }).data.map(
        ({ id }) => id,
      );
    expect(await ids("/v1/models")).toEqual(["m:latest", "small:1b"]);
    expect(await ids("/qwen/v1/models")).toEqual(["m:latest", "qwen:30b"]);
    expect(await ids("/v1/models", HOST)).toEqual(["lab:7b"]);
  });

  test("a model goes to nodes of the pool that it is asked for in, whoever else has it", async () => {
    for (let each = 0; each < 6; each++) {
      expect(nodeOf(await chat("", "m"))).toBe("a");
      expect(nodeOf(await chat("/qwen", "m"))).toBe("b");
      expect(["b", "c"]).toContain(nodeOf(await chat("/qwen", "qwen:30b")));
      expect(nodeOf(await chat("", "lab:7b", HOST.headers))).toBe("d");
    }
  });

  test("a model of another pool is a 404 that names what the pool has", async () => {
    const answer = await chat("/qwen", "small:1b");
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      404,
      {
        error:
          "model 'small:1b' not found: no node of pool qwen has it; there are m:latest, qwen:30b",
      },
    ]);
    expect((await chat("", "qwen:30b")).text).toContain(
      "no node has it; there are m:latest, small:1b",
    );
    expect((await get("/qwen/v1/models/small:1b")).status).toBe(404);
    expect((await get("/qwen/v1/models/qwen:30b")).status).toBe(200);
    const pull = (path: string) =>
      get(`${path}/api/pull`, { body: JSON.stringify({ model: "qwen:30b" }) });
    expect([(await pull("/qwen")).status, (await pull("")).status]).toEqual([200, 403]);
  });

  test("a client of two pools stays on its node in each", async () => {
    const session = { "x-session-id": "anna" };
    const first = nodeOf(await chat("/qwen", "qwen:30b", session));
    for (let each = 0; each < 8; each++) {
      expect(nodeOf(await chat("", "m", session))).toBe("a");
      expect(nodeOf(await chat("/qwen", "qwen:30b", session))).toBe(first);
    }
  });

  test("the status says which pool a node and a model are of", async () => {
    const { text } = await ask(`${balancer.managementUrl}/status.json`);
    const status = JSON.parse(text) as {
      pools: string[];
      problems: unknown[];
      nodes: { name: string; pool?: string }[];
      models: { name: string; pool?: string; loaded: string[]; disk: string[] }[];
    };
    expect([status.pools, status.problems]).toEqual([["qwen", "lab"], []]);
    expect(status.nodes.map(({ name, pool }) => [name, pool])).toEqual(
      Object.keys(MODELS).map((name) => [name, POOL[name as Name]]),
    );
    const of = status.models.map(({ name, pool, loaded, disk }) => [
      name,
      pool,
      [...loaded, ...disk].sort(),
    ]);
    expect(of).toEqual(
      expect.arrayContaining([
        ["m:latest", undefined, ["a"]],
        ["m:latest", "qwen", ["b"]],
        ["qwen:30b", "qwen", ["b", "c"]],
      ]),
    );
    expect(of).toHaveLength(5);
  });

  test("a backup is its pool's alone, and a pool without a node that serves is a problem", async () => {
    await balancer.reload(config({ c: { backup: true } }));
    await known();
    for (let each = 0; each < 6; each++) expect(nodeOf(await chat("/qwen", "qwen:30b"))).toBe("b");
    for (const name of ["b", "c"]) {
      await nodes.find((node) => node.name === name)!.die();
      if (name === "c") break;
      await until("the backup", async () => nodeOf(await chat("/qwen", "qwen:30b")) === "c", KNOWN);
      await until("its end", async () => (await chat("/qwen", "m")).status === 503, KNOWN);
      expect(nodeOf(await chat("", "m"))).toBe("a");
    }
    const problems = await until(
      "problem of the pool",
      async () => {
        const { text } = await ask(`${balancer.managementUrl}/status.json`);
        const found = (JSON.parse(text) as { problems: { of: string; text: string }[] }).problems;
        return found.some(({ of }) => of === "pool qwen") && found;
      },
      KNOWN,
    );
    expect(problems).toContainEqual({ of: "pool qwen", text: "no node serves", grave: true });
    expect(nodeOf(await chat("", "m"))).toBe("a");
    expect((await chat("/qwen", "qwen:30b")).status).toBe(503);
  });

  test("where pools are taken away all nodes are one group again", async () => {
    const { pools: _, ...rest } = BALANCER;
    const all = nodes.slice(0, 1).map(({ entry }) => entry);
    await balancer.reload({ nodes: all, balancer: rest });
    await until("its lists", async () => nodeOf(await get("/api/tags")) === "", KNOWN);
    expect((await get("/qwen/api/tags")).status).toBe(404);
    // Its host name is none of the balancer's any more, and only programs of this machine reach it.
    expect((await get("/api/tags", HOST)).status).toBe(403);
    expect(names((await get("/api/tags")).text)).toEqual(["m:latest", "small:1b"]);
  });
});
