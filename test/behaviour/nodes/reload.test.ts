import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { ask, CHAT } from "../harness/client.ts";
import { load, served } from "../harness/load.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { tokenText } from "../harness/toy-answers.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const RELOADS = 5;

describe.skipIf(why)(`reload${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  const errorsOver = async (edit: (conf: string) => string) => {
    await mesh.reload({}, {}, { edit });
    // Without Docker's proxy in between, which would hide resets.
    const traffic = load(`${mesh.balancer.bridgeUrl}/api/chat`, { clients: 16 });
    for (let count = 0; count < RELOADS; count++) await mesh.reload({}, {}, { edit });
    traffic.stop();
    const all = await traffic.done;
    return { requests: all.length, errors: all.filter((one) => !served(one)).length };
  };

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a", "b"]);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("clients that keep their connections notice nothing of reloads", async () => {
    const { requests, errors } = await errorsOver((conf) => `${conf}\n`);
    expect(errors).toBe(0);
    expect(requests).toBeGreaterThan(100);
  });

  test("control: without keepalive_min_timeout some of them are reset", async () => {
    const { errors } = await errorsOver((conf) => conf.replace("keepalive_min_timeout 5s;", ""));
    // Of 15 rounds on two busy cores the one with the fewest had 31, of 6487 requests.
    expect(errors).toBeGreaterThan(0);
  });

  test("a stream that runs ends as it would have, on a node that has since left", async () => {
    await mesh.reload({});
    const left = Promise.withResolvers<void>();
    const paced = async (made: number) => made < 6 || left.promise;
    mesh.node("a").answer = { kind: "tokens", count: 12, everyMs: 10, paced };
    mesh.node("b").answer = { kind: "ok" };
    await mesh.reload({}, {}, { only: ["a"] });
    const stream = ask(`${mesh.balancer.url}/api/chat`, CHAT);
    await until("the stream to begin", async () => mesh.node("a").count() === 1, { seconds: 30 });
    await mesh.reload({}, {}, { only: ["b"] });
    expect((await ask(`${mesh.balancer.url}/api/chat`, CHAT)).headers["x-mesh-node"]).toBe("b");
    left.resolve();
    const tokens = Array.from({ length: 12 }, (_, index) => tokenText("ndjson", index));
    expect((await stream).text).toBe(tokens.join(""));
  });

  test("a zone may grow with the number of nodes", async () => {
    const address = mesh.node("a").address;
    const many = Array.from({ length: 200 }, (_, index) => ({
      name: `n${index}`,
      managed: false,
      address,
      port: 20_000 + index,
      maintenance: true,
    }));
    await mesh.balancer.reload({ nodes: [...many, mesh.node("b").entry] });
    expect((await ask(`${mesh.balancer.url}/api/chat`, CHAT)).headers["x-mesh-node"]).toBe("b");
  });
});
