// Changes of a mesh that serves.
import { expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { story } from "../../support/report/story.ts";
import { containers } from "../support/containers.ts";
import { model, slowModel, stackOfFile } from "../support/lab.ts";
import { chat, failures, load, served, startLoad } from "../support/load.ts";
import {
  environmentOf,
  nodeChanges,
  NODES,
  order,
  requireServing,
  rollConfig,
  withEnvironment,
} from "../support/roll.ts";
import type { Ran } from "../support/pulumi.ts";

vi.setConfig({ testTimeout: 600_000 });

const HEAVY_A = { name: "a", weight: 4 };

story();

const lab = stackOfFile(rollConfig, { up: true });

test("a changed weight touches the node's line in nginx and nothing else", async () => {
  const before = await containers(lab().mesh);
  await lab().configure(rollConfig([HEAVY_A, NODES[1], NODES[2]]));
  const only = [`update ${lab().mesh}-a-admission`];
  expect((await lab().preview()).changes).toEqual(only);
  expect((await lab().up()).changes).toEqual(only);
  expect(await containers(lab().mesh)).toEqual(before);
  const outcomes = await load({ url: lab().url, model: model(), tokens: 4, atATime: 1, total: 60 });
  expect(failures(outcomes)).toEqual([]);
});

test("a node taken out of the middle of the list goes alone", async () => {
  const { b: _gone, ...others } = await containers(lab().mesh);
  await lab().configure(rollConfig([HEAVY_A, NODES[2]]));
  const ran = await lab().up();
  expect(nodeChanges(ran)).toEqual([
    "delete b admission",
    "delete b ready",
    "delete b container",
    "delete b turn",
  ]);
  expect(await containers(lab().mesh)).toEqual(others);
  await requireServing(lab(), "a", "c");
});

test("a node added at the front of the list is made alone", async () => {
  const before = await containers(lab().mesh);
  const nodes = [NODES[1], HEAVY_A, NODES[2]];
  await lab().configure(rollConfig(nodes));
  const ran = await lab().up();
  expect(nodeChanges(ran)).toEqual([
    "create b turn",
    "create b container",
    "create b ready",
    "create b admission",
  ]);
  expect(await containers(lab().mesh)).toMatchObject(before);
  await requireServing(lab(), "a", "b", "c");
});

test("a container that was removed by hand comes back", async () => {
  const { b: _old, ...others } = await containers(lab().mesh);
  await run("docker", ["rm", "--force", `${lab().mesh}-b`]);
  const ran = await lab().tryUp("--refresh");
  expect(ran.code, ran.output).toBe(0);
  expect(await containers(lab().mesh)).toMatchObject(others);
  await requireServing(lab(), "a", "b", "c");
});

test("a change of all nodes rolls through them one after the other, and no request fails", async () => {
  const before = await containers(lab().mesh);
  await lab().configure(rollConfig(NODES, { ROLL: "1" }));
  const running = startLoad({ url: lab().url, model: model(), atATime: 2, perSecond: 10 });
  let ran: Ran;
  try {
    ran = await lab().up();
  } finally {
    running.stop();
  }
  const outcomes = await running.done;
  expect(order(ran)).toBe("a,b,c");
  expect(nodeChanges(ran).filter((change) => change.includes(" b "))).toEqual([
    "update b turn",
    "delete-replaced b admission",
    "delete-replaced b ready",
    "delete-replaced b container",
    "create-replacement b container",
    "create-replacement b ready",
    "create-replacement b admission",
  ]);
  expect(await environmentOf(lab().mesh, "ROLL")).toEqual({ a: "1", b: "1", c: "1" });
  const after = await containers(lab().mesh);
  expect(after["balancer"]).toEqual(before["balancer"]);
  expect(failures(outcomes)).toEqual([]);
  expect(Object.keys(served(outcomes))).toEqual(["a", "b", "c"]);
});

test("a node is not stopped before the stream it is writing has ended", async () => {
  const slow = await slowModel(lab().url);
  let begun: (node: string) => void;
  const firstByte = new Promise<string>((resolve) => (begun = resolve));
  const asked = chat({ url: lab().url, model: slow, tokens: 900, onFirstByte: (n) => begun(n) });
  const node = await Promise.race([firstByte, asked.then((outcome) => outcome.node)]);
  const nodes = NODES.map((each) =>
    each.name === node ? withEnvironment(each, { ROLL: "2" }) : each,
  );
  await lab().configure(rollConfig(nodes, { ROLL: "1" }));
  const ran = await lab().up();
  const outcome = await asked;
  expect(outcome.failure).toBeUndefined();
  expect(outcome.node).toBe(node);
  expect(order(ran)).toBe(node);
  expect(ran.output).toMatch(new RegExp(`node ${node}: 1 requests? in flight`));
  const { startedAt } = (await containers(lab().mesh))[node]!;
  expect(Date.parse(startedAt)).toBeGreaterThan(performance.timeOrigin + outcome.ended);
});
