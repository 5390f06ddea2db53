// A port of a machine that two containers of the mesh would publish: Docker refuses the second one, in the middle of an `up`.
import { describe, expect, test } from "vitest";

import { messageOf, problemPaths } from "../../../support/config-problems.ts";

const HOST = "ssh://rack1";
const found = (nodes: object[], balancer: object = {}) =>
  problemPaths({ nodes: [...nodes, { name: "other", host: "ssh://rack9" }], balancer });

describe("a node that is published on the balancer's own machine", () => {
  const node = (more: object) => [{ name: "a", address: "10.0.0.7", ...more }];
  test.each<[string, object, object, string[]]>([
    ["at a port of all addresses", {}, { listen: { address: "0.0.0.0" } }, ["nodes[0].port"]],
    ["at the same address", {}, { listen: { address: "10.0.0.7" } }, ["nodes[0].port"]],
    ["by a name, so at all of them", { address: "rack.lan" }, {}, ["nodes[0].port"]],
    [
      "at the port of the management listener",
      { port: 9000 },
      { management: { address: "10.0.0.7", port: 9000 } },
      ["nodes[0].port"],
    ],
    ["but not at another address", {}, {}, []],
    ["nor at another port", { port: 11_435 }, { listen: { address: "0.0.0.0" } }, []],
    ["nor where the balancer has IPv6 only", {}, { listen: { address: "::" } }, []],
    ["nor in the mesh network", { address: undefined }, { listen: { address: "0.0.0.0" } }, []],
    [
      "nor one that the mesh does not run",
      { managed: false },
      { listen: { address: "0.0.0.0" } },
      [],
    ],
  ])("%s", (_, more, balancer, paths) => {
    expect(found(node(more), balancer)).toEqual(paths);
  });
});

test("a node that is published on the balancer's machine, which is written in another way", () => {
  const balancer = { host: "ssh://rack1", listen: { address: "0.0.0.0" } };
  for (const host of ["ssh://RACK1", "ssh://rack1:22"]) {
    expect(found([{ name: "a", host }], balancer), host).toEqual(["nodes[0].port"]);
    expect(found([{ name: "a", host, port: 11_435 }], balancer), host).toEqual([]);
  }
});

describe("two nodes of one machine", () => {
  test.each<[string, object, object, string[]]>([
    ["one by its address, one by its name", {}, { address: "10.0.0.7" }, ["nodes[1].port"]],
    ["at two addresses of it", { address: "10.0.0.8" }, { address: "10.0.0.7" }, []],
    ["on ports of their own", {}, { address: "10.0.0.7", port: 11_435 }, []],
    ["at one place, which is said once", {}, {}, ["nodes[1].port"]],
  ])("%s", (_, one, other, paths) => {
    const nodes = [
      { name: "a", host: HOST, ...one },
      { name: "b", host: HOST, ...other },
    ];
    expect(found(nodes)).toEqual(paths);
  });
});

test("is told of with the one that has it", () => {
  const mesh = {
    nodes: [
      { name: "a", host: HOST },
      { name: "b", host: HOST, address: "10.0.0.7" },
    ],
  };
  expect(messageOf(mesh)).toContain(
    "nodes[1].port  must be another port than that of nodes[0], which is published on the same machine, got 11434",
  );
});
