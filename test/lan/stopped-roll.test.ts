// A roll over several machines meets a node that does not come back, while clients ask.
import { beforeAll, expect, test } from "vitest";

import { order, withEnvironment } from "../engine/support/roll.ts";
import { story } from "../support/report/story.ts";
import { lanStackOfFile } from "./support/lan.ts";
import { unnoticed, upUnnoticed } from "./support/under-load.ts";

story();

const { lan, stack } = lanStackOfFile(4);
beforeAll(async () => {
  if (!stack()) return;
  await configure("1");
  await stack().up();
});

/** Ollama ends at once: it takes no such origin. */
const DEAD = { OLLAMA_ORIGINS: "nonsense" };

const NODES = ["a", "b", "c"] as const;
type Node = (typeof NODES)[number];
const machineOf = (name: Node) => NODES.indexOf(name) + 2;

/** Another value rolls all nodes. */
const configure = (roll: string, own: Partial<Record<Node, Record<string, string>>> = {}) =>
  stack().configure(
    lan().config({
      nodes: NODES.map((name) =>
        withEnvironment({ name, ...lan().on(machineOf(name)) }, own[name] ?? {}),
      ),
      ollama: { environment: { ROLL: roll } },
      rollout: { readyTimeoutSeconds: 20 },
    }),
  );

/** By node, the id of its container and the value that it runs with. */
async function rolled() {
  const all = await Promise.all(
    NODES.map(async (name) => {
      const format = "{{.Id}} {{json .Config.Env}}";
      const container = `${stack().mesh}-${name}`;
      const said = await lan().docker(machineOf(name), "inspect", "--format", format, container);
      return { id: said.split(" ")[0], roll: /"ROLL=(\w+)"/.exec(said)?.[1] };
    }),
  );
  return Object.fromEntries(NODES.map((name, i) => [name, all[i]]));
}
const rollOf = async () =>
  Object.fromEntries(Object.entries(await rolled()).map(([name, made]) => [name, made?.roll]));

test("a roll whose second node fails stops there, and no client notices", async () => {
  const before = await rolled();
  await configure("2", { b: DEAD });
  const stopped = await unnoticed(lan(), () => stack().tryUp());
  expect(stopped.failed).toEqual([`${stack().mesh}-b-ready`]);
  expect(stopped.errors.join("\n")).toContain(
    `node b is not ready and gets no traffic: container ${stack().mesh}-b died `,
  );
  expect(await rollOf()).toEqual({ a: "2", b: "2", c: "1" });
  expect((await rolled())["c"]).toEqual(before["c"]);
  expect(await lan().serving(stack().mesh)).toEqual(["a", "c"]);
});

test("another change meanwhile takes the failed node first, and touches no other when that fails again", async () => {
  const before = await rolled();
  await configure("2", { a: { ROLL: "3" }, b: DEAD });
  const stopped = await unnoticed(lan(), () => stack().tryUp());
  expect(stopped.failed).toEqual([`${stack().mesh}-b-ready`]);
  expect(order(stopped)).toBe("");
  expect(await rolled()).toEqual(before);
  expect(await lan().serving(stack().mesh)).toEqual(["a", "c"]);
});

test("with its cause mended the other change goes through, the failed node first", async () => {
  await configure("2", { a: { ROLL: "3" } });
  const ran = await upUnnoticed(lan(), stack(), "mended");
  expect(order(ran)).toBe("b,a,c");
  expect(await rollOf()).toEqual({ a: "3", b: "2", c: "2" });
  expect(await lan().serving(stack().mesh)).toEqual(["a", "b", "c"]);
});

test("the way back to the old version begins with the node that is out, and leaves alone what never left it", async () => {
  await configure("4", { b: DEAD });
  expect((await stack().tryUp()).failed).toEqual([`${stack().mesh}-b-ready`]);
  const before = await rolled();
  await configure("2");
  const ran = await upUnnoticed(lan(), stack(), "way back");
  expect(order(ran)).toBe("b,a");
  expect(await rollOf()).toEqual({ a: "2", b: "2", c: "2" });
  expect((await rolled())["c"]).toEqual(before["c"]);
  expect(await lan().serving(stack().mesh)).toEqual(["a", "b", "c"]);
  expect((await stack().preview()).changes).toEqual([]);
});
