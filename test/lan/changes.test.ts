// The life of a mesh on several machines, over ssh and under load.
import { expect, test } from "vitest";

import { order } from "../engine/support/roll.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { story } from "../support/report/story.ts";
import { done, lanStackOfFile } from "./support/lan.ts";
import { upUnnoticed } from "./support/under-load.ts";

story();

const { lan, stack } = lanStackOfFile(4);

const a = () => ({ name: "a", ...lan().on(2) });
const b = () => ({ name: "b", ...lan().on(2, 11435) });
const c = () => ({ name: "c", ...lan().on(3) });
const d = () => ({ name: "d", ...lan().on(4) });
const configure = (nodes: object[], more: object = {}) =>
  stack().configure(lan().config({ nodes, ...more }));

const mine = (n: number) => lan().remains(n, stack().mesh);
const volumeMadeAt = (n: number) =>
  lan().docker(n, "volume", "inspect", "--format", "{{.CreatedAt}}", `${stack().mesh}-models`);

test("fresh up: two nodes of a machine share its models, a third machine has another user and port", async () => {
  await configure([a(), b(), c()]);
  const ran = await stack().up();
  figure("fresh up", inSeconds(ran.seconds));
  expect(await mine(1)).toEqual([
    "container balancer",
    "container balancer-nginx",
    "network network",
    "volume config",
  ]);
  expect(await mine(2)).toEqual(["container a", "container b", "volume models"]);
  expect(await mine(3)).toEqual(["container c", "volume models"]);
  expect(await mine(4)).toEqual([]);
});

test("a second up changes nothing and asks no host", async () => {
  const ran = await stack().up();
  figure("second up", inSeconds(ran.seconds));
  expect(ran.changes).toEqual([]);
});

test("a node on a fourth machine is added while clients ask", async () => {
  await configure([a(), b(), c(), d()]);
  await upUnnoticed(lan(), stack(), "a node is added");
  expect(await mine(4)).toEqual(["container d", "volume models"]);
});

test("a node is moved to another machine while clients ask, and nothing of it stays on the old one", async () => {
  await configure([a(), { ...b(), ...lan().on(4, 11435) }, c(), d()]);
  await upUnnoticed(lan(), stack(), "a node moves");
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
  await upUnnoticed(lan(), stack(), "a machine is reached by another name");
  expect(await mine(3)).toEqual(["container c", "volume models"]);
  expect(await volumeMadeAt(3)).toBe(made);
  expect((await stack().preview()).changes).toEqual([]);
});

test("all nodes are rolled while clients ask", async () => {
  await configure([a(), { ...b(), ...lan().on(4, 11435) }, c(), d()], {
    ollama: { keepAlive: "23h" },
  });
  const ran = await upUnnoticed(lan(), stack(), "all nodes are rolled");
  expect(order(ran)).toBe("a,b,c,d");
});

test("the node in the middle is removed while clients ask, and no container of another is touched", async () => {
  const containers = () =>
    Promise.all([1, 2, 4].map((n) => lan().docker(n, "ps", "--no-trunc", "--format", "{{.ID}}")));
  const before = await containers();
  await configure([a(), { ...b(), ...lan().on(4, 11435) }, d()], { ollama: { keepAlive: "23h" } });
  const ran = await upUnnoticed(lan(), stack(), "the node in the middle is removed");
  expect(done(ran, stack())).toEqual([
    ...["delete c", "delete c-admission", "delete c-ready", "delete c-turn"],
    ...["", "-images", "-models", "-models", "-preflight"].map((part) => `delete lan3${part}`),
    ...["balancer-reach", "hosts", "lan2-models", "lan4-models"].map((each) => `update ${each}`),
  ]);
  expect(await containers()).toEqual(before);
  expect(await mine(3)).toEqual(["volume models"]);
  expect((await stack().preview()).changes).toEqual([]);
});

test("destroy leaves the models and nothing else", async () => {
  const ran = await stack().destroy();
  figure("destroy", inSeconds(ran.seconds));
  expect(await mine(1)).toEqual([]);
  for (const n of [2, 3, 4]) expect(await mine(n)).toEqual(["volume models"]);
});
