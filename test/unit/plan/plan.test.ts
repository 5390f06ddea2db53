// What follows from a config, before any resource exists.
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { OllamaMeshArgs } from "../../../config/mesh-args.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh, type MeshPlan } from "../../../plan/mesh-plan.ts";
import { ADDRESS, MESH_NETWORK } from "../../support/mesh-network.ts";
import { PLAIN_ENVIRONMENT } from "../../support/plain-node.ts";

const plan = (args: OllamaMeshArgs): MeshPlan => planMesh("lab", parseMesh(args));

test("a mesh of one name is this plan, every default in its place", () => {
  const address = ADDRESS.one;
  const { balancers, ...rest } = plan({ nodes: [{ name: "one" }] });
  expect(balancers).toEqual([rest.balancer]);
  expect(rest).toEqual({
    name: "lab",
    hosts: [
      {
        key: "local",
        endpoint: "unix:///var/run/docker.sock",
        volume: "lab-models",
        images: ["ollama/ollama:0.32.15"],
        models: [],
        ollama: true,
        nvidia: false,
        offline: false,
        nodes: ["one"],
        amd: false,
        ports: [],
        network: { name: "lab-network", subnet: MESH_NETWORK.subnet },
      },
    ],
    nodes: [
      {
        name: "one",
        address,
        port: 11_434,
        places: 2,
        kind: "ollama",
        backup: false,
        maintenance: false,
        drain: false,
        offline: false,
        maxConnections: 0,
        container: {
          name: "lab-one",
          host: "local",
          endpoint: "unix:///var/run/docker.sock",
          image: "ollama/ollama:0.32.15",
          models: [],
          environment: PLAIN_ENVIRONMENT,
          gpus: {},
          pids: 4096,
          meshAddress: address,
        },
      },
    ],
    balancer: {
      image: "nginx:1.30.6",
      routing: "models",
      algorithm: "least_conn",
      health: "restart",
      closeOnFailure: false,
      queue: { longestWaitSeconds: 60 },
      connectTimeoutSeconds: 2,
      readTimeoutSeconds: 900,
      sendTimeoutSeconds: 60,
      maxFails: 10,
      failTimeoutSeconds: 2,
      maxBodyMib: 64,
      nodeHeader: true,
      workers: 2,
      endpoint: "unix:///var/run/docker.sock",
      container: "lab-balancer",
      volume: "lab-config",
      network: "lab-network",
      addresses: {
        ...MESH_NETWORK,
        nodes: new Map([["one", address]]),
      },
      listen: { address: "127.0.0.1", port: 11_434 },
      access: {},
      routes: { set: "ollama", upgrade: false, paths: [] },
      retry: {
        on: ["error", "timeout", "http_404", "http_500", "http_502", "http_503", "non_idempotent"],
        tries: 3,
        timeoutSeconds: 120,
      },
      keepalive: { connections: 32, timeoutSeconds: 60, requests: 1000 },
      url: "http://127.0.0.1:11434",
      urlBySsh: false,
      urls: ["http://127.0.0.1:11434"],
    },
    rollout: {
      maxUnavailable: 1,
      drainTimeoutSeconds: 600,
      readyTimeoutSeconds: 600,
      warmUp: true,
      minimumFreeGib: 2,
    },
  });
});

describe("hosts", () => {
  test("are one per engine, with the images and models of their nodes once each, sorted", () => {
    const host = "ssh://gpu1.lan";
    const { hosts } = plan({
      nodes: [
        { name: "a", host, models: ["z", "m"], image: "b:1" },
        { name: "b", host, port: 2, models: ["a", "m"], image: "a:1", gpus: { vendor: "nvidia" } },
        { name: "c", managed: false, address: "10.0.0.9" },
        { name: "d" },
      ],
      models: ["mesh"],
    });
    expect(hosts).toEqual([
      {
        key: "gpu1-lan-75e3c7",
        endpoint: host,
        volume: "lab-models",
        images: ["a:1", "b:1"],
        models: ["a", "m", "z"],
        ollama: true,
        nvidia: true,
        offline: false,
        nodes: ["a", "b"],
        amd: false,
        ports: [
          { ip: "0.0.0.0", port: 2 },
          { ip: "0.0.0.0", port: 11_434 },
        ],
      },
      {
        key: "local",
        endpoint: "unix:///var/run/docker.sock",
        volume: "lab-models",
        images: ["ollama/ollama:0.32.15"],
        models: ["mesh"],
        ollama: true,
        nvidia: false,
        offline: false,
        nodes: ["d"],
        amd: false,
        ports: [],
        network: { name: "lab-network", subnet: MESH_NETWORK.subnet },
      },
    ]);
  });

  test("the balancer's is one of them, with nothing to prepare where no node is on it", () => {
    const [host, ...others] = plan({
      nodes: [{ name: "a", managed: false, address: "10.0.0.9" }],
    }).hosts;
    expect(host).toMatchObject({ key: "local", nodes: [], images: [], ollama: false, ports: [] });
    expect(others).toEqual([]);
  });
});

describe("pure", () => {
  const names = fc.uniqueArray(
    fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/).filter((name) => name !== "balancer"),
    { minLength: 2, maxLength: 12 },
  );
  const host = fc.constantFrom(undefined, "ssh://gpu1.lan", "ssh://gpu2.lan");

  test("the order of nodes decides the order of the plan and nothing else", () => {
    fc.assert(
      fc.property(names, fc.array(host, { minLength: 12, maxLength: 12 }), (all, hosts) => {
        const nodes = all.map((name, i) => ({
          name,
          ...(hosts[i] ? { host: hosts[i], port: 12_000 + i } : {}),
        }));
        const one = plan({ nodes });
        const two = plan({ nodes: nodes.toReversed() });
        expect(two.nodes).toEqual(one.nodes.toReversed());
        expect(two.balancer.addresses).toEqual(one.balancer.addresses);
        const byKey = (mesh: MeshPlan) => Object.fromEntries(mesh.hosts.map((h) => [h.key, h]));
        expect(byKey(two)).toEqual(byKey(one));
      }),
    );
  });

  test("of a host it tells the highest limit of CPUs, whoever comes first", () => {
    const nodes = [
      { name: "small", cpus: 2 },
      { name: "big", cpus: 8.5 },
      { name: "free" },
      { name: "also", cpus: 8.5 },
      { name: "far", host: "ssh://gpu1.lan" },
    ];
    for (const each of [nodes, nodes.toReversed()]) {
      const cpus = new Map(plan({ nodes: each }).hosts.map((host) => [host.key, host.cpus]));
      expect(cpus.get("local")).toEqual({ node: "also", cpus: 8.5 });
      expect([...cpus.values()].filter((limit) => limit === undefined)).toHaveLength(1);
    }
  });

  test("the config is not changed", () => {
    const config = parseMesh({ nodes: [{ name: "a" }], models: ["m"], balancer: { workers: 3 } });
    const before = structuredClone(config);
    planMesh("lab", config);
    expect(config).toEqual(before);
  });
});
