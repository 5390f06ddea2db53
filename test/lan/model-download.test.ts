// One `pulumi up` of two machines that need the same model, and a registry that counts: it plays the internet.
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Stack } from "../engine/support/stack.ts";
import { ToyRegistry } from "../engine/support/models/toy-registry.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { lanOfFile, type TestLan } from "./support/lan.ts";

const BYTES = 48 * 1024 ** 2 + 123;

let registry: ToyRegistry;
let stack: Stack;
const lan: () => TestLan = lanOfFile(2, async (made) => {
  stack = await made.stack({ nodes: [] });
});
beforeAll(async () => {
  registry = await ToyRegistry.start(BYTES);
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
}, 60_000);

test("the model crosses the internet link once, and both machines have all of it", async () => {
  const gateway = lan().lan.subnet.replace(/0\/24$/, "1");
  const model = `${gateway}:${registry.port}/library/m:latest`;
  const nodes = [
    { name: "a", host: lan().host(1).endpoint },
    { name: "b", ...lan().on(2) },
  ];
  // Its weights are noise: it can be kept and listed, but not run.
  const rollout = { warmUp: false };
  await stack.configure(lan().config({ nodes, models: [`http://${model}`], rollout }));
  const ran = await stack.up();
  figure("fresh up", inSeconds(ran.seconds));
  expect(registry.sent / registry.size).toBe(1);
  expect(ran.output).toContain(`http://${model}: downloading to `);
  expect(ran.output).toContain(`http://${model}: copying from `);
  for (const [n, node] of [
    [1, "a"],
    [2, "b"],
  ] as const) {
    const inside = ["exec", `${stack.mesh}-${node}`];
    expect(await lan().docker(n, ...inside, "ollama", "list")).toContain(model);
    const check = `cd /root/.ollama/models/blobs && echo "${registry.weights.slice(7)}  ${registry.weights}" | sha256sum -c`;
    expect(await lan().docker(n, ...inside, "sh", "-c", check)).toBe(`${registry.weights}: OK`);
  }
  expect((await stack.preview()).changes).toEqual([]);
});
