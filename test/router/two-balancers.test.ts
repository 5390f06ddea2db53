import { afterEach, describe, expect, test } from "vitest";

import { lacking } from "../support/needs.ts";
import { until } from "../../toolchain/until.mjs";
import { Balancer } from "../behaviour/harness/balancer.ts";
import { ask } from "../behaviour/harness/client.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const PLACES = 4;
/** A verdict that has not come by then is not going to. */
const VERDICT = { seconds: 60 };

describe.skipIf(why)(`two balancers before the same node${why ? ` (${why})` : ""}`, () => {
  const started: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const one of started.splice(0)) await one[Symbol.asyncDispose]();
  });

  // Why the health check of a node asks all of them: test/unit/components/containers/node-health.test.ts.
  test("the one whose requests wait behind the other's may find that it hangs; the other does not", async () => {
    const mesh = await RoutedMesh.start(image, [
      { name: "a", models: ["m:latest"], places: PLACES, everyMs: 100 },
    ]);
    started.push(mesh);
    const nodes = mesh.nodes.map(({ entry, places }) => ({ ...entry, places }));
    const other = await Balancer.start(image, { nodes, balancer: { management: { port: 11500 } } });
    started.push(other);
    const verdict = async () =>
      (await ask(`${other.managementUrl}/verdict/a`)).text.split(" ")[0] ?? "";
    await until("its view of the node", async () => (await verdict()) === "ok", VERDICT);

    const leave = new AbortController();
    const { signal } = leave;
    const streams = Array.from({ length: PLACES }, () =>
      mesh.chat("m", { tokens: 3000, signal }).catch(() => undefined),
    );
    await until("all places taken", async () => (await mesh.inFlight())["a"] === PLACES, VERDICT);
    const body = JSON.stringify({ model: "m", messages: [{ content: "n=1" }] });
    const waiting = ask(`${other.url}/api/chat`, { body });
    const seen = new Set<string>();
    await until(
      "verdict wedged",
      async () => {
        seen.add(await mesh.verdict("a"));
        return (await verdict()) === "wedged";
      },
      VERDICT,
    );
    expect([...seen]).toEqual(["ok"]);

    leave.abort();
    await Promise.all(streams);
    expect((await waiting).status).toBe(200);
    await until("verdict ok", async () => (await verdict()) === "ok", VERDICT);
  });
});
