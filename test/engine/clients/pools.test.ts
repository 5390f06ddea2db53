// Two groups of nodes behind one address, as pulumi up brings them there and changes them.
import { expect, test, vi } from "vitest";

import { containers } from "../support/containers.ts";
import { model, stackOfFile } from "../support/lab.ts";
import { failures, load, served } from "../support/load.ts";
import { rollConfig } from "../support/roll.ts";

vi.setConfig({ testTimeout: 300_000 });

const POOLS = [
  { name: "quick", path: "/quick" },
  { name: "lab", host: "lab.internal" },
];

const config = (pools: Record<string, string>, declared: object[] = POOLS) => {
  const nodes = ["a", "b", "c"].map((name) => ({
    name,
    ...(pools[name] ? { pool: pools[name] } : {}),
  }));
  const made = rollConfig(nodes);
  const balancer = {
    ...(made["balancer"] as object),
    ...(declared.length > 0 ? { pools: declared } : {}),
  };
  return { ...made, balancer };
};

const lab = stackOfFile(() => config({ b: "quick", c: "lab" }), { up: true });

/** The nodes that answer there, after none failed. */
async function answering(path = "", headers: Record<string, string> = {}): Promise<string[]> {
  const url = `${lab().url}${path}`;
  // More than the fastest one has places for, or a slower one would have nothing to do.
  const outcomes = await load({ url, headers, model: model(), tokens: 8, atATime: 24, total: 96 });
  expect(failures(outcomes)).toEqual([]);
  return Object.keys(served(outcomes));
}

test("a path or a host name leads to the nodes of its pool, all others to those of none", async () => {
  expect(await answering()).toEqual(["a"]);
  expect(await answering("/quick")).toEqual(["b"]);
  expect(await answering("", { Host: "lab.internal" })).toEqual(["c"]);
  expect((await lab().preview()).changes).toEqual([]);
});

test("a node that changes its pool keeps its container", async () => {
  const before = await containers(lab().mesh);
  await lab().configure(config({ b: "quick", c: "quick" }, POOLS.slice(0, 1)));
  const ran = await lab().up();
  expect(ran.changes).toEqual([
    `update ${lab().mesh}-balancer-config`,
    `update ${lab().mesh}-c-admission`,
  ]);
  expect(await containers(lab().mesh)).toEqual(before);
  expect(await answering()).toEqual(["a"]);
  expect(await answering("/quick")).toEqual(["b", "c"]);
  expect((await lab().preview()).changes).toEqual([]);
});

test("without pools all nodes are one group again", async () => {
  const before = await containers(lab().mesh);
  await lab().configure(config({}, []));
  await lab().up();
  expect(await containers(lab().mesh)).toEqual(before);
  expect(await answering()).toEqual(["a", "b", "c"]);
  expect((await lab().preview()).changes).toEqual([]);
});
