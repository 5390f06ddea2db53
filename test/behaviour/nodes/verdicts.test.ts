import { afterEach, describe, expect, test } from "vitest";

import { lacking } from "../../support/needs.ts";
import { until } from "../../../toolchain/until.mjs";
import { type Answered, BrokenAnswer, nodeOf } from "../harness/client.ts";
import type { ForkedModelNode } from "../harness/models/forked-model-node.ts";
import type { ModelNode } from "../harness/models/model-node.ts";
import { RoutedMesh } from "../harness/models/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const EVERY_MS = 50;
/** Within which new requests avoid a node from which nothing comes: 3 seconds of silence, a second until it is noticed. */
const AVOIDED_MS = 5000;
/** Two probes of 4 seconds each, after the silence, and the pauses between them. */
const WEDGED_SECONDS = 25;
/** A probe is tried every two seconds, and answered at once. */
const BACK_SECONDS = 8;

/** A request of a load: when it was made, and by whom it was answered, if it was. */
interface Made {
  at: number;
  node?: string;
  failed?: string;
}

/** Clients that ask again and again until they are stopped; who is stuck by then has no node. */
function clients(
  mesh: RoutedMesh | RoutedMesh<ForkedModelNode>,
  count: number,
): { made: Made[]; stop: () => Promise<void> } {
  const made: Made[] = [];
  const leave = new AbortController();
  let stopped = false;
  const all = Array.from({ length: count }, async () => {
    while (!stopped) {
      const one: Made = { at: Date.now() };
      made.push(one);
      try {
        const answer: Answered = await mesh.chat("m", { tokens: 10, signal: leave.signal });
        one.node = nodeOf(answer);
        if (answer.status !== 200) one.failed = String(answer.status);
      } catch (error) {
        if (!(error instanceof BrokenAnswer)) throw error;
        if (!stopped) one.failed = error.code;
      }
    }
  });
  return {
    made,
    stop: async () => {
      stopped = true;
      leave.abort();
      await Promise.all(all);
    },
  };
}

describe.skipIf(why)(`verdicts on nodes${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh | RoutedMesh<ForkedModelNode> | undefined;
  afterEach(() => mesh?.[Symbol.asyncDispose]());
  const three = (places: number) =>
    ["a", "b", "c"].map((name) => ({ name, models: ["m:latest"], places, everyMs: EVERY_MS }));

  test("a wedged node gets no new request within seconds, and is let in by its first token", async () => {
    const started = await RoutedMesh.start(image, three(4));
    mesh = started;
    const node = started.node("b");
    const load = clients(started, 8);
    await until("answers of all", async () => asked(node) > 3, { seconds: 10 });
    node.fault = "wedged";
    const since = Date.now();
    await until("silence", async () => Date.now() > since + AVOIDED_MS, { seconds: 10 });
    const late = asked(node);
    await until("verdict wedged", async () => (await started.verdict("b")) === "wedged", {
      seconds: WEDGED_SECONDS,
    });
    await until("more probes", async () => node.probes > 3, { seconds: WEDGED_SECONDS });
    expect(asked(node)).toBe(late);

    node.fault = "none";
    await until("verdict ok", async () => (await started.verdict("b")) === "ok", {
      seconds: BACK_SECONDS,
    });
    await until("requests for it", async () => asked(node) > late, { seconds: BACK_SECONDS });
    await load.stop();
    expect(load.made.filter(({ failed }) => failed)).toEqual([]);
  });

  test("another model of a wedged node's goes on being served there", async () => {
    const started = await RoutedMesh.start(image, [
      { name: "a", models: ["m:latest", "only:latest"], places: 4, everyMs: EVERY_MS },
      { name: "b", models: ["m:latest"], places: 4, everyMs: EVERY_MS },
    ]);
    mesh = started;
    started.node("a").wedged = "m:latest";
    const leave = new AbortController();
    const stuck = [1, 2].map(() =>
      started.chat("m", { tokens: 10, signal: leave.signal }).catch(() => undefined),
    );
    await until("verdict quiet", async () => (await started.verdict("a")) !== "ok", {
      seconds: 10,
    });
    expect((await started.chat("only", { tokens: 5 })).status).toBe(200);
    const by = await Promise.all([1, 2, 3, 4].map(() => started.chat("m", { tokens: 2 })));
    expect(by.map(nodeOf)).toEqual(["b", "b", "b", "b"]);
    leave.abort();
    await Promise.all(stuck);
  });

  test("a frozen node is avoided within 5 seconds", async () => {
    const started = await RoutedMesh.startForked(image, three(4));
    mesh = started;
    const load = clients(started, 8);
    await until("answers of all", async () => load.made.some(({ node }) => node === "b"), {
      seconds: 10,
    });
    started.node("b").freeze();
    const since = Date.now();
    await until(
      "requests after it",
      async () => load.made.filter(({ at, node }) => node && at > since + AVOIDED_MS).length > 20,
      { seconds: 30 },
    );
    const stuck = load.made.filter(({ at, node }) => node === undefined && at > since + AVOIDED_MS);
    started.node("b").thaw();
    await load.stop();
    expect(stuck.filter(({ at }) => at < Date.now() - 3000)).toEqual([]);
    expect(load.made.filter(({ failed }) => failed)).toEqual([]);
  });

  test("a killed node loses nobody's request before the first byte, and is used again soon", async () => {
    const started = await RoutedMesh.startForked(image, three(4));
    mesh = started;
    const node = started.node("b");
    await node.die();
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => started.chat("m", { tokens: 2 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(24).fill(200));
    await until("verdict gone", async () => (await started.verdict("b")) === "gone", {
      seconds: 10,
    });
    await node.listen();
    await until("an answer of it", async () => nodeOf(await started.chat("m")) === "b", {
      seconds: BACK_SECONDS,
    });
  });

  test("prompts that take 12 seconds with all places taken make no node wedged", async () => {
    const started = await RoutedMesh.start(
      image,
      ["a", "b"].map((name) => ({
        name,
        models: ["m:latest"],
        places: 2,
        everyMs: 12_000,
      })),
    );
    mesh = started;
    const all = Array.from({ length: 4 }, () => started.chat("m"));
    const seen = new Set<string>();
    const look = async () => {
      for (const name of ["a", "b"]) seen.add(await started.verdict(name));
      return (await started.inFlight())["a"] === 0 && (await started.inFlight())["b"] === 0;
    };
    await until("end of all", look, { seconds: 30 });
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(seen).not.toContain("wedged");
    expect(started.nodes.map(({ probes }) => probes)).toEqual([0, 0]);
  });

  test("a node whose model fell back to the CPU is passed over", async () => {
    const started = await RoutedMesh.start(image, three(4).slice(0, 2), {
      told: { a: { gpuMinimumPercent: 90 }, b: { gpuMinimumPercent: 90 } },
    });
    mesh = started;
    started.node("a").gpuShare = 0.2;
    await until("verdict cpu", async () => (await started.verdict("a")) === "cpu", { seconds: 10 });
    const by = await Promise.all([1, 2, 3, 4].map(() => started.chat("m")));
    expect(by.map(nodeOf)).toEqual(["b", "b", "b", "b"]);
  });
});

/** Requests of clients that a node got. */
const asked = (node: ModelNode) => node.requests.length - node.probes;
