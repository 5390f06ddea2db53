// The mesh network against the nodes in it, and those that are elsewhere.
import { describe, expect, test } from "vitest";

import { messageOf, problemPaths } from "../../support/config-problems.ts";

test("more nodes on the balancer's engine than its network has addresses", () => {
  const nodes = Array.from({ length: 240 }, (_, i) => ({ name: `n${i}` }));
  expect(problemPaths({ nodes, balancer: { subnet: "10.0.0.0/24" } })).toEqual(["balancer.subnet"]);
});

describe("an address elsewhere that is in the mesh's own network, which follows from its name", () => {
  const problems = (node: object, balancer: object = {}) =>
    problemPaths({ nodes: [node, { name: "b" }], balancer }, "lab"); // 10.109.48.0/20
  const lan = (more: object) => ({ name: "a", host: "ssh://gpu1.lan", ...more });

  test.each([
    ["the address of a node", lan({ address: "10.109.50.4" }), ["nodes[0].address"]],
    ["of its host", { name: "a", host: "ssh://ops@10.109.63.255:22" }, ["nodes[0].host"]],
    [
      "of a server that is not managed",
      { name: "a", managed: false, address: "10.109.48.0" },
      ["nodes[0].address"],
    ],
    ["but not one beside it", lan({ address: "10.109.64.0" }), []],
    ["nor a name", lan({ address: "gpu1.lan" }), []],
    [
      "nor its host's where it has another",
      lan({ host: "ssh://10.109.50.4", address: "10.8.0.1" }),
      [],
    ],
  ])("%s", (_, node, expected) => expect(problems(node)).toEqual(expected));

  test("is told of with a network that is free, and is allowed where that network is declared", () => {
    const node = { name: "a", managed: false, address: "10.109.50.1" };
    expect(messageOf({ nodes: [node] }, "lab")).toContain(
      "nodes[0].address  must not be in the mesh's own network on the balancer's engine, 10.109.48.0/20, which hides it from the balancer; declare another network, such as balancer.subnet: 172.30.0.0/20, or this one if you put the node there, got \"10.109.50.1\"",
    );
    expect(problems(node, { subnet: "10.109.48.0/20" })).toEqual([]);
  });
});

test("a network that the balancer is in already, or that is named twice, could not be joined", () => {
  const networks = [
    "chat_default",
    "lab-network",
    "lab-net-999",
    "chat_default",
    "lab-net-network",
    "lab-net",
  ];
  const mesh = { nodes: [{ name: "a" }, { name: "b" }], balancer: { networks } };
  expect(messageOf(mesh, "lab").split("\n").slice(1)).toEqual([
    '  balancer.networks[1]  is the mesh\'s own, which the balancer is in by itself; leave it out, got "lab-network"',
    '  balancer.networks[2]  is the mesh\'s own, which the balancer is in by itself; leave it out, got "lab-net-999"',
    '  balancer.networks[3]  is there already; leave it out, got "chat_default"',
  ]);
});
