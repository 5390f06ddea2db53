// The life of a mesh on several machines, over ssh and under load: each test goes on where the one before ended.
import { afterAll, expect, test } from "vitest";

import { failures, startLoad } from "../docker/support/load.ts";
import { model } from "../docker/support/lab.ts";
import type { Ran, Stack } from "../docker/support/stack.ts";
import { lanOfFile, type TestLan } from "./support/lan.ts";

let stack: Stack;
const lan: () => TestLan = lanOfFile(4, async (made) => {
  stack = await made.stack({ nodes: [] });
});
afterAll(async () => stack?.[Symbol.asyncDispose](), 60_000);

const a = () => ({ name: "a", ...lan().on(2) });
const b = () => ({ name: "b", ...lan().on(2, 11435) });
const c = () => ({ name: "c", ...lan().on(3) });
const d = () => ({ name: "d", ...lan().on(4) });
const configure = (nodes: object[], more: object = {}) =>
  stack.configure(lan().config({ nodes, ...more }));

/** An up while clients keep asking, none of which may notice. */
async function upUnderLoad(): Promise<Ran> {
  const load = startLoad({ url: lan().url, model: model(), atATime: 4, perSecond: 20 });
  const ran = await stack.tryUp();
  load.stop();
  const outcomes = await load.done;
  expect(ran.code, ran.output).toBe(0);
  expect(outcomes.length).toBeGreaterThan(20);
  expect(failures(outcomes)).toEqual([]);
  return ran;
}

const mine = (n: number) => lan().remains(n, stack.mesh);
const volumeMadeAt = (n: number) =>
  lan().docker(n, "volume", "inspect", "--format", "{{.CreatedAt}}", `${stack.mesh}-models`);

test("fresh up: two nodes of a machine share its models, a third machine has another user and port", async () => {
  await configure([a(), b(), c()]);
  const ran = await stack.up();
  console.log(`fresh up: ${ran.seconds.toFixed(1)} s`);
  expect(await mine(1)).toEqual(["container balancer", "network network", "volume config"]);
  expect(await mine(2)).toEqual(["container b", "container a", "volume models"]);
  expect(await mine(3)).toEqual(["container c", "volume models"]);
  expect(await mine(4)).toEqual([]);
});

test("a second up changes nothing and asks no host", async () => {
  const ran = await stack.up();
  console.log(`second up: ${ran.seconds.toFixed(1)} s`);
  expect(ran.changes).toEqual([]);
});

test("a node on a fourth machine is added while clients ask", async () => {
  await configure([a(), b(), c(), d()]);
  const ran = await upUnderLoad();
  console.log(`resize: ${ran.seconds.toFixed(1)} s`, ran.changes);
  expect(await mine(4)).toEqual(["container d", "volume models"]);
});

test("a node is moved to another machine while clients ask, and nothing of it stays on the old one", async () => {
  await configure([a(), { ...b(), ...lan().on(4, 11435) }, c(), d()]);
  const ran = await upUnderLoad();
  console.log(`move: ${ran.seconds.toFixed(1)} s`, ran.changes);
  expect(await mine(2)).toEqual(["container a", "volume models"]);
  expect(await mine(4)).toEqual(["container b", "container d", "volume models"]);
});

test("a machine that is reached by another name keeps its models", async () => {
  const made = await volumeMadeAt(3);
  const { user, address, port } = lan().host(3);
  await configure([
    a(),
    { ...b(), ...lan().on(4, 11435) },
    { ...c(), host: `ssh://${user}@${address}:${port}` },
    d(),
  ]);
  const ran = await upUnderLoad();
  console.log(`rename: ${ran.seconds.toFixed(1)} s`, ran.changes);
  expect(await mine(3)).toEqual(["container c", "volume models"]);
  expect(await volumeMadeAt(3)).toBe(made);
  expect((await stack.preview()).changes).toEqual([]);
});

test("all nodes are rolled while clients ask", async () => {
  await configure([a(), { ...b(), ...lan().on(4, 11435) }, c(), d()], {
    ollama: { keepAlive: "23h" },
  });
  const ran = await upUnderLoad();
  console.log(`roll: ${ran.seconds.toFixed(1)} s`);
});

test("destroy leaves the models and nothing else", async () => {
  const ran = await stack.destroy();
  console.log(`destroy: ${ran.seconds.toFixed(1)} s`);
  expect(await mine(1)).toEqual([]);
  for (const n of [2, 3, 4]) expect(await mine(n)).toEqual(["volume models"]);
});
