// Settings of nodes and the roll-out, each right by itself, that do not go together.
import { expect, test } from "vitest";

import { problemPaths, problemsOf } from "../../support/config-problems.ts";

const at = (nodes: object[], rest: object = {}) => problemPaths({ nodes, ...rest });

test("two nodes of a name", () => {
  expect(problemsOf({ nodes: [{ name: "a" }, { name: "b" }, { name: "a" }] })).toEqual([
    { path: "nodes[2].name", text: 'must be unique, but nodes[0] is "a" too' },
  ]);
});

test("a port of a node in the mesh network, where it has no effect", () => {
  expect(at([{ name: "a", port: 11434 }])).toEqual(["nodes[0].port"]);
});

test("GPUs by CDI name beside GPUs by index, which no driver takes together", () => {
  const gpus = { vendor: "nvidia", devices: ["0", "nvidia.com/gpu=1"] };
  expect(at([{ name: "a", gpus }])).toEqual(["nodes[0].gpus.devices"]);
});

test("two nodes at an address and port, by whatever way", () => {
  const address = "10.0.0.7";
  const external = (name: string, rest: object = {}) => ({
    name,
    managed: false,
    address,
    ...rest,
  });
  expect(at([external("a"), external("b", { port: 11434 })])).toEqual(["nodes[1].address"]);
  expect(at([external("a"), external("b", { port: 11435 })])).toEqual([]);
  const host = "ssh://admin@gpu1.lan";
  expect(
    at([
      { name: "a", host },
      { name: "b", host },
    ]),
  ).toEqual(["nodes[1].port"]);
  expect(
    at([
      { name: "a", host },
      { name: "b", host, port: 1 },
    ]),
  ).toEqual([]);
  expect(
    at([
      { name: "a", host },
      { name: "b", host: "ssh://gpu1.lan:2222" },
    ]),
  ).toEqual(["nodes[1].port"]);
});

test("nodes on the balancer's own engine never meet", () => {
  expect(at([{ name: "a" }, { name: "b" }])).toEqual([]);
});

test("GPU settings without their vendor", () => {
  expect(at([{ name: "a", gpus: { devices: ["0"] } }])).toEqual(["nodes[0].gpus.devices"]);
  expect(at([{ name: "a", gpus: { vendor: "nvidia", groups: ["video"] } }])).toEqual([
    "nodes[0].gpus.groups",
  ]);
  expect(at([{ name: "a", gpus: { minimumPercent: 1 } }])).toEqual([
    "nodes[0].gpus.minimumPercent",
  ]);
});

test("a share of a model on the GPU where no model is loaded; nothing may be asked, or left out", () => {
  const rest = { rollout: { warmUp: false } };
  const asks = (gpus: object) => at([{ name: "a", gpus: { vendor: "nvidia", ...gpus } }], rest);
  expect(asks({ minimumPercent: 50 })).toEqual(["nodes[0].gpus.minimumPercent"]);
  expect(asks({ minimumPercent: 0 })).toEqual([]);
  expect(asks({})).toEqual([]);
});

test("all managed nodes out at once; a single one cannot but be", () => {
  const rollout = { maxUnavailable: 2 };
  expect(at([{ name: "a" }], { rollout })).toEqual([]);
  expect(at([{ name: "a" }, { name: "b" }], { rollout })).toEqual(["rollout.maxUnavailable"]);
  expect(at([{ name: "a" }, { name: "b" }, { name: "c" }], { rollout })).toEqual([]);
});

test("mistakes of one part do not hide those of combinations in another", () => {
  const nodes = [
    { name: "a", managed: false },
    { name: "b", weight: 0 },
  ];
  expect(at(nodes).toSorted()).toEqual(["nodes[0].address", "nodes[1].weight"]);
});
