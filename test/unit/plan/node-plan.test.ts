// What follows from a config for each node.
import { describe, expect, test } from "vitest";

import type { OllamaMeshArgs } from "../../../config/mesh-args.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { nodeState } from "../../../plan/node-plan.ts";
import { ADDRESS } from "../../support/mesh-network.ts";

const plan = (args: OllamaMeshArgs) => planMesh("lab", parseMesh(args));
const node = (args: OllamaMeshArgs) => plan(args).nodes[0]!;

describe("how a node is reached", () => {
  const reached = (args: OllamaMeshArgs) => {
    const { address, port, container } = node(args);
    return { address, port, mesh: container?.meshAddress, publish: container?.publish };
  };

  test("on the balancer's engine by its address in the mesh network, not published", () => {
    const host = "ssh://gpu1.lan";
    const { address, ...rest } = reached({ nodes: [{ name: "one", host }], balancer: { host } });
    expect(rest).toEqual({ port: 11_434, mesh: address, publish: undefined });
    expect(address).toBe(ADDRESS.one);
  });

  test("on another engine by that host's name, published on all its addresses", () => {
    expect(reached({ nodes: [{ name: "one", host: "ssh://admin@gpu1.lan:2222" }] })).toEqual({
      address: "gpu1.lan",
      port: 11_434,
      mesh: undefined,
      publish: { ip: "0.0.0.0", port: 11_434 },
    });
  });

  test("by the declared address, which is then the only one published", () => {
    const nodes = [{ name: "one", host: "ssh://gpu1.lan", address: "10.8.0.11", port: 11_500 }];
    expect(reached({ nodes })).toEqual({
      address: "10.8.0.11",
      port: 11_500,
      mesh: undefined,
      publish: { ip: "10.8.0.11", port: 11_500 },
    });
  });

  test("by the declared name; a name is no address to publish on", () => {
    const nodes = [{ name: "one", host: "ssh://10.0.0.7", address: "gpu1.vpn" }];
    expect(reached({ nodes })).toEqual({
      address: "gpu1.vpn",
      port: 11_434,
      mesh: undefined,
      publish: { ip: "0.0.0.0", port: 11_434 },
    });
  });

  test("one that is not managed at its own address and port, without a container", () => {
    expect(
      node({ nodes: [{ name: "vllm", managed: false, address: "10.0.0.9", port: 8000 }] }),
    ).toEqual({
      name: "vllm",
      address: "10.0.0.9",
      port: 8000,
      kind: "ollama",
      backup: false,
      maintenance: false,
      drain: false,
      offline: false,
      maxConnections: 0,
    });
  });
});

describe("the image of a node", () => {
  const image = (args: OllamaMeshArgs) => node(args).container?.image;
  test.each<[string, OllamaMeshArgs, string]>([
    ["is pinned", { nodes: [{ name: "a" }] }, "ollama/ollama:0.32.15"],
    [
      "is the ROCm variant for AMD",
      { nodes: [{ name: "a", gpus: { vendor: "amd" } }] },
      "ollama/ollama:0.32.15-rocm",
    ],
    [
      "is the mesh's where declared, also for AMD",
      { nodes: [{ name: "a", gpus: { vendor: "amd" } }], image: "own:1" },
      "own:1",
    ],
    [
      "is its own before all",
      { nodes: [{ name: "a", image: "mine:2" }], image: "own:1" },
      "mine:2",
    ],
  ])("%s", (_, args, expected) => {
    expect(image(args)).toBe(expected);
  });
});

test("a node's list of models stands instead of the mesh's, also when it is empty", () => {
  const models = (args: OllamaMeshArgs) => node(args).container?.models;
  expect(models({ nodes: [{ name: "a" }], models: ["m"] })).toEqual(["m"]);
  expect(models({ nodes: [{ name: "a", models: ["n"] }], models: ["m"] })).toEqual(["n"]);
  expect(models({ nodes: [{ name: "a", models: [] }], models: ["m"] })).toEqual([]);
});

test("the state of a node is active, backup or maintenance, and maintenance wins", () => {
  const { nodes } = plan({
    nodes: [
      { name: "a" },
      { name: "b", backup: true },
      { name: "c", maintenance: true },
      { name: "d", backup: true, maintenance: true },
    ],
  });
  expect(nodes.map(nodeState)).toEqual(["active", "backup", "maintenance", "maintenance"]);
});
