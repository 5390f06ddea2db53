// A roll meets a node that does not come back.
import { expect, test, vi } from "vitest";

import { story } from "../support/report/story.ts";
import { containers, serverLines } from "../engine/support/containers.ts";
import { stackOfFile } from "../engine/support/lab.ts";
import {
  environmentOf,
  NODES,
  order,
  requireServing,
  rollConfig,
  withEnvironment,
} from "../engine/support/roll.ts";

vi.setConfig({ testTimeout: 180_000 });

/** Ollama ends at once: it takes no such origin. */
const DEAD = { OLLAMA_ORIGINS: "nonsense" };

story();

const lab = stackOfFile(rollConfig, { up: true });

test("a node that does not come back stops the roll, and the cause mended, up goes on from there", async () => {
  const before = await containers(lab().mesh);
  const nodes = [NODES[0], withEnvironment(NODES[1], DEAD), NODES[2]];
  await lab().configure(rollConfig(nodes, { ROLL: "3" }));
  const stopped = await lab().tryUp();
  expect(stopped.code).not.toBe(0);
  expect(stopped.failed).toEqual([`${lab().mesh}-b-ready`]);
  expect(stopped.errors.join("\n")).toMatch(
    /node b is not ready and gets no traffic: container \S+-b died \d+ times \(exit code 2\)/,
  );
  expect(stopped.output).toContain(`last lines of container ${lab().mesh}-b:`);
  expect((await containers(lab().mesh))["c"]).toEqual(before["c"]);
  expect(await environmentOf(lab().mesh, "ROLL")).toEqual({ a: "3", b: "3" });
  expect(Object.keys(await serverLines(lab().mesh)).sort()).toEqual(["a", "c"]);
  await requireServing(lab(), "a", "c");

  const a = (await containers(lab().mesh))["a"];
  await lab().configure(rollConfig(NODES, { ROLL: "3" }));
  const mended = await lab().up();
  expect(order(mended)).toBe("b,c");
  expect((await containers(lab().mesh))["a"]).toEqual(a);
  expect(await environmentOf(lab().mesh, "ROLL")).toEqual({ a: "3", b: "3", c: "3" });
  await requireServing(lab(), "a", "b", "c");
  expect((await lab().preview()).changes).toEqual([]);
});

test("another change while a node is out: that node comes first, and when it fails again nothing else is touched", async () => {
  const [a, b, c] = NODES;
  const broken = withEnvironment(c, DEAD);
  await lab().configure(rollConfig([a, b, broken], { ROLL: "3" }));
  expect((await lab().tryUp()).failed).toEqual([`${lab().mesh}-c-ready`]);

  // Docker starts the broken one again and again.
  const others = async () => ({ ...(await containers(lab().mesh)), c: undefined });
  const before = await others();
  const changed = withEnvironment(a, { ROLL: "4" });
  await lab().configure(rollConfig([changed, b, broken], { ROLL: "3" }));
  const stopped = await lab().tryUp();
  expect(stopped.failed).toEqual([`${lab().mesh}-c-ready`]);
  expect(order(stopped)).toBe("");
  expect(await others()).toEqual(before);
  await requireServing(lab(), "a", "b");

  await lab().configure(rollConfig([changed, b, c], { ROLL: "3" }));
  expect(order(await lab().up())).toBe("c,a");
  await requireServing(lab(), "a", "b", "c");
  expect(await environmentOf(lab().mesh, "ROLL")).toEqual({ a: "4", b: "3", c: "3" });
});

test("the way back to the old version also begins with the node that is out", async () => {
  const before = await containers(lab().mesh);
  const nodes = [NODES[0], withEnvironment(NODES[1], DEAD), NODES[2]];
  await lab().configure(rollConfig(nodes, { ROLL: "5" }));
  const stopped = await lab().tryUp();
  expect(stopped.failed).toEqual([`${lab().mesh}-b-ready`]);
  await lab().configure(rollConfig(NODES, { ROLL: "3" }));
  const back = await lab().up();
  expect(order(back)).toBe("b,a");
  expect((await containers(lab().mesh))["c"]?.id).toBe(before["c"]?.id);
  await requireServing(lab(), "a", "b", "c");
});
