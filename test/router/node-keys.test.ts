// Servers that ask for a key, behind a balancer that knows its nodes: another mesh, and a service that is paid for.
import { createServer, type Server } from "node:http";

import { afterEach, describe, expect, test } from "vitest";

import { FRONT_PORT } from "../../templates/nginx-layout.ts";
import { until } from "../../toolchain/until.mjs";
import { Balancer } from "../behaviour/harness/balancer.ts";
import { ask, nodeOf } from "../behaviour/harness/client.ts";
import { bridgeAddress } from "../behaviour/harness/docker.ts";
import { HttpNode } from "../support/http-node.ts";
import { lacking } from "../support/needs.ts";
import { ModelNode } from "./harness/model-node.ts";
import { names } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const KEY = "key-of-the-front-0001";
const KNOWN = { seconds: 60 };

/** Speaks OpenAI's API alone, to who has the key. */
class PaidService extends HttpNode {
  /** Paths that were asked with the key, and how many without. */
  readonly asked = new Set<string>();
  refused = 0;

  constructor(address: string) {
    super({ name: "cloud", address });
  }

  protected override server(): Server {
    return createServer((request, response) => {
      const { url = "", headers } = request;
      const say = (status: number, body: object) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      };
      if (headers.authorization !== `Bearer ${KEY}`) {
        this.refused++;
        return say(401, { error: { message: "Incorrect API key provided" } });
      }
      this.asked.add(url);
      if (url === "/v1/models")
        return say(200, { object: "list", data: [{ id: "m:latest" }, { id: "gpt" }] });
      if (url === "/v1/chat/completions")
        return say(200, { choices: [{ message: { content: "paid" } }] });
      return say(404, { error: { message: "Unknown request URL" } });
    });
  }
}

describe.skipIf(why)(`nodes that ask for a key${why ? ` (${why})` : ""}`, () => {
  const made: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(one: T): T => {
    made.push(one);
    return one;
  };
  afterEach(async () => {
    for (const one of made.splice(0).toReversed()) await one[Symbol.asyncDispose]();
  });

  const modelNode = async (name: string, models: string[]) =>
    keep(await ModelNode.start({ name, models, address: await bridgeAddress() }));
  const lists = (balancer: Balancer) => async () => {
    const answer = await ask(`${balancer.url}/v1/models`);
    const { data } = JSON.parse(answer.text) as { data: { id: string }[] };
    return nodeOf(answer) === "" ? data.map(({ id }) => id) : [];
  };
  const chat = (balancer: Balancer, model: string, headers = {}) =>
    ask(`${balancer.url}/v1/chat/completions`, {
      body: JSON.stringify({ model, messages: [{ content: "n=1" }] }),
      headers,
    });

  /** A mesh with a key, which has what the near one has and more; and the near one, with a key for it. */
  async function meshBehindMesh(apiKey: string) {
    const there = await modelNode("y", ["m:latest", "n:latest"]);
    const access = { apiKeys: [{ name: "front", key: KEY }] };
    const far = keep(await Balancer.start(image, { nodes: [there.entry], balancer: { access } }));
    const headers = { authorization: `Bearer ${KEY}` };
    await until(
      "list of the far mesh",
      async () => names((await ask(`${far.url}/api/tags`, { headers })).text).length === 2,
      KNOWN,
    );
    const here = await modelNode("x", ["m:latest"]);
    const entry = { name: "far", managed: false, address: far.address, port: FRONT_PORT };
    const near = keep(
      await Balancer.start(image, {
        nodes: [here.entry, { ...entry, backup: true, apiKey }],
        balancer: { management: { port: 11_500 } },
      }),
    );
    return { near, far, here, there };
  }

  test("a mesh is the backup of a mesh: asked for what only it has, and for all once the other is gone", async () => {
    const { near, far, here } = await meshBehindMesh(KEY);
    await until("models of both", async () => (await lists(near)()).length === 2, KNOWN);
    const stranger = { authorization: "Bearer a-client's-own-token-1" };
    expect(nodeOf(await chat(near, "m", stranger))).toBe("x");
    const answer = await chat(near, "n", stranger);
    expect([answer.status, nodeOf(answer)]).toEqual([200, "far"]);
    await here.die();
    await until(
      "an answer of the backup",
      async () => nodeOf(await chat(near, "m")) === "far",
      KNOWN,
    );
    // Lines are written once a second.
    const asked = async () =>
      (await far.log()).filter(({ path }) => path === "/v1/chat/completions");
    await until("lines of both answers", async () => (await asked()).length >= 2, KNOWN);
    expect(new Set((await asked()).map(({ key }) => key))).toEqual(new Set(["front"]));
    expect((await far.log()).filter(({ status }) => status === "401")).toEqual([]);
    expect(`${await near.said()}${await far.said()}`).not.toContain(KEY);
  });

  test("one that does not take the key is gone, and gets nothing that another node can do", async () => {
    const { near } = await meshBehindMesh("not-the-key-of-anybody");
    const verdict = async () => (await ask(`${near.managementUrl}/verdict/far`)).text.split(" ")[0];
    await until("a verdict", async () => (await verdict()) === "gone", KNOWN);
    for (let index = 0; index < 6; index++) {
      const answer = await chat(near, "m");
      expect([answer.status, nodeOf(answer)]).toEqual([200, "x"]);
    }
  });

  test("a service that is paid for is the last tier: its own models at once, those of others when they are gone", async () => {
    const cloud = keep(new PaidService(await bridgeAddress()));
    await cloud.listen();
    const here = await modelNode("x", ["m:latest"]);
    const paid = { ...cloud.entry, api: "openai", apiKey: KEY, backup: true };
    const near = keep(await Balancer.start(image, { nodes: [here.entry, paid] }));
    await until("models of both", async () => (await lists(near)()).includes("gpt"), KNOWN);
    expect(nodeOf(await chat(near, "m"))).toBe("x");
    expect(JSON.parse((await chat(near, "gpt")).text)).toMatchObject({
      choices: [{ message: { content: "paid" } }],
    });
    await here.die();
    await until(
      "an answer of the last tier",
      async () => nodeOf(await chat(near, "m")) === "cloud",
      KNOWN,
    );
    expect([...cloud.asked].toSorted()).toEqual(["/v1/chat/completions", "/v1/models"]);
    expect(cloud.refused).toBe(0);
  });

  test("meshes that are each other's backup have each other's models, and none that neither has any more", async () => {
    const [x, y] = [
      await modelNode("x", ["m:latest", "x:latest"]),
      await modelNode("y", ["m:latest"]),
    ];
    const far = { name: "far", managed: false, port: FRONT_PORT, apiKey: KEY, backup: true };
    const of = ({ entry }: ModelNode, address: string) => ({
      nodes: [entry, { ...far, address }],
      balancer: { access: { apiKeys: [{ name: "front", key: KEY }] } },
    });
    const one = keep(await Balancer.start(image, of(x, x.address)));
    const other = keep(await Balancer.start(image, of(y, one.address)));
    await one.reload(of(x, other.address));
    const headers = { authorization: `Bearer ${KEY}` };
    const list = async (balancer: Balancer, path: string) =>
      (await ask(`${balancer.url}${path}`, { headers })).text;
    const has = (balancer: Balancer, models: string[]) =>
      until(
        `list of ${models.join(", ")}`,
        async () => {
          const tags = names(await list(balancer, "/api/tags"));
          const loaded = names(await list(balancer, "/api/ps"));
          return `${tags.join()} ${loaded.join()}` === `${models.join()} ${models.join()}`;
        },
        KNOWN,
      );
    for (const balancer of [one, other]) await has(balancer, ["m:latest", "x:latest"]);
    expect(nodeOf(await chat(other, "x", headers))).toBe("far");
    for (const node of [x, y]) node.models = node.loaded = ["m:latest"];
    for (const balancer of [one, other]) await has(balancer, ["m:latest"]);
    expect((await chat(one, "x", headers)).status).toBe(404);
    expect(x.requests.map(({ model }) => model)).toEqual(["x:latest"]);
  });
});
