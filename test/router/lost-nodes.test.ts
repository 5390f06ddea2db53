import { afterEach, describe, expect, test } from "vitest";

import { lacking } from "../support/needs.ts";
import { until } from "../../toolchain/until.mjs";
import { ask, nodeOf } from "../behaviour/harness/client.ts";
import { clients } from "./harness/clients.ts";
import type { ForkedModelNode } from "./harness/forked-model-node.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

/** A verdict that has not come by then is not going to. */
const VERDICT_SECONDS = 60;

describe.skipIf(why)(`nodes that are lost to a mesh${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh<ForkedModelNode> | undefined;
  afterEach(() => mesh?.[Symbol.asyncDispose]());
  const three = ["a", "b", "c"].map((name) => ({
    name,
    models: ["m:latest"],
    places: 4,
    everyMs: 50,
  }));

  test("a frozen node is avoided", async () => {
    const started = await RoutedMesh.startForked(image, three);
    mesh = started;
    const load = clients(started, 8);
    await until("answers of all", async () => load.made.some(({ node }) => node === "b"), {
      seconds: VERDICT_SECONDS,
    });
    started.node("b").freeze();
    await until("a verdict", async () => (await started.verdict("b")) !== "ok", {
      seconds: VERDICT_SECONDS,
    });
    // A worker looks at the verdicts a moment later.
    const since = Date.now() + 1000;
    const later = () => load.made.filter(({ at }) => at > since).slice(0, 20);
    await until(
      "answers to all that was asked since",
      async () => later().length === 20 && later().every(({ node }) => node !== undefined),
      { seconds: VERDICT_SECONDS },
    );
    expect(later().filter(({ node }) => node === "b")).toEqual([]);
    started.node("b").thaw();
    await load.stop();
    expect(load.made.filter(({ failed }) => failed)).toEqual([]);
  });

  test("a killed node loses nobody's request before the first byte, and is used again", async () => {
    const started = await RoutedMesh.startForked(image, three);
    mesh = started;
    const node = started.node("b");
    await node.die();
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => started.chat("m", { tokens: 2 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(24).fill(200));
    await until("verdict gone", async () => (await started.verdict("b")) === "gone", {
      seconds: VERDICT_SECONDS,
    });
    await node.listen();
    await until("an answer of it", async () => nodeOf(await started.chat("m")) === "b", {
      seconds: VERDICT_SECONDS,
    });
  });

  test("one that is back without its model is held to load it as fast as another one did, not in 20 s", async () => {
    const cold = three.slice(0, 2).map((node) => ({ ...node, loaded: [], places: 1, loadMs: 300 }));
    const started = await RoutedMesh.startForked(image, cold);
    mesh = started;
    expect((await started.chat("m")).status).toBe(200);
    const loaded = async () =>
      (await ask(`${started.balancer.url}/api/ps`)).text.includes("m:latest");
    await until("the model among those in memory", loaded, { seconds: VERDICT_SECONDS });
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => started.chat("m", { tokens: 20 })),
    );
    expect([...new Set(answers.map(nodeOf))].sort()).toEqual(["a", "b"]);
  });

  test("where the only node with a model has just died no other one says that there is none", async () => {
    const started = await RoutedMesh.startForked(image, [
      { name: "a", models: ["m:latest"], places: 4 },
      { name: "b", models: ["other:1b"], places: 4 },
    ]);
    mesh = started;
    expect((await started.chat("m")).status).toBe(200);
    await started.node("a").die();
    const answers = await Promise.all(Array.from({ length: 6 }, () => started.chat("m")));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(503));
    expect(answers.map(({ text }) => text).join()).toContain(
      "which has model 'm:latest', takes no",
    );
    expect((await started.chat("nope")).status).toBe(404);
  });

  test("while the only node with a model is out of traffic nobody says that there is none", async () => {
    const nodes = [
      { name: "a", models: ["m:latest"] },
      { name: "b", models: ["other:1b"] },
    ];
    const mesh = { servers: { b: { line: "server b;" } }, expected: ["a", "b"] };
    const files = { "mesh.json": JSON.stringify(mesh) };
    await using started = await RoutedMesh.start(image, nodes, { files });
    await started.reload([started.node("b")]);
    const refused = await until(
      "answer of those that are left",
      async () => {
        const answer = await started.chat("M");
        return answer.status !== 200 && answer;
      },
      { seconds: VERDICT_SECONDS },
    );
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
    expect(refused.text).toContain("model 'M' is on a only, and that is out of traffic");
    expect((await started.chat("nope")).status).toBe(404);
    await started.reload();
    await until("answer of it", async () => (await started.chat("m")).status === 200, {
      seconds: VERDICT_SECONDS,
    });
  });
});
