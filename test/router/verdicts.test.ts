import { afterEach, describe, expect, test } from "vitest";

import { lacking } from "../support/needs.ts";
import { until } from "../../toolchain/until.mjs";
import { nodeOf } from "../behaviour/harness/client.ts";
import { clients } from "./harness/clients.ts";
import type { ModelNode } from "./harness/model-node.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const EVERY_MS = 50;
/** A verdict that has not come by then is not going to: a wedged node takes two probes of 4 seconds each, and silence before. */
const VERDICT_SECONDS = 60;

describe.skipIf(why)(`verdicts on nodes${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh | undefined;
  afterEach(() => mesh?.[Symbol.asyncDispose]());
  const three = (places: number) =>
    ["a", "b", "c"].map((name) => ({ name, models: ["m:latest"], places, everyMs: EVERY_MS }));

  test("a wedged node gets no new request, and is let in by its first token", async () => {
    const started = await RoutedMesh.start(image, three(4));
    mesh = started;
    const node = started.node("b");
    const load = clients(started, 8);
    // As many as tell a node's habits: before, one with all places taken is given minutes.
    await until("answers of all", async () => asked(node) > 30, { seconds: VERDICT_SECONDS });
    node.fault = "wedged";
    await until("verdict wedged", async () => (await started.verdict("b")) === "wedged", {
      seconds: VERDICT_SECONDS,
    });
    const late = asked(node);
    const probed = node.probes;
    await until("more probes", async () => node.probes > probed, { seconds: VERDICT_SECONDS });
    expect(asked(node)).toBe(late);

    node.fault = "none";
    await until("verdict ok", async () => (await started.verdict("b")) === "ok", {
      seconds: VERDICT_SECONDS,
    });
    await until("requests for it", async () => asked(node) > late, { seconds: VERDICT_SECONDS });
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
      seconds: VERDICT_SECONDS,
    });
    expect((await started.chat("only", { tokens: 5 })).status).toBe(200);
    const by = await Promise.all([1, 2, 3, 4].map(() => started.chat("m", { tokens: 2 })));
    expect(by.map(nodeOf)).toEqual(["b", "b", "b", "b"]);
    leave.abort();
    await Promise.all(stuck);
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
    const all: ReturnType<typeof started.chat>[] = [];
    // One after the other: two workers that choose at the same moment may choose alike.
    for (let count = 1; count <= 4; count++) {
      all.push(started.chat("m"));
      const busy = async () =>
        Object.values(await started.inFlight()).reduce((sum, one) => sum + one);
      await until("a place taken", async () => (await busy()) === count, { seconds: 8 });
    }
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
    await until("verdict cpu", async () => (await started.verdict("a")) === "cpu", {
      seconds: VERDICT_SECONDS,
    });
    const by = await Promise.all([1, 2, 3, 4].map(() => started.chat("m")));
    expect(by.map(nodeOf)).toEqual(["b", "b", "b", "b"]);
  });
});

/** Requests of clients that a node got. */
const asked = (node: ModelNode) => node.requests.length - node.probes;
