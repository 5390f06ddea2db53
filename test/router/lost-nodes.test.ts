import { afterEach, describe, expect, test } from "vitest";

import { lacking } from "../support/needs.ts";
import { until } from "../../toolchain/until.mjs";
import { nodeOf } from "../behaviour/harness/client.ts";
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
});
