// What follows from a config, before any resource exists.
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { OllamaMeshArgs } from "../../../config/mesh-args.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { hostPort } from "../../../config/net/host-port.ts";
import { nodeState } from "../../../plan/node-plan.ts";
import { planMesh, type MeshPlan } from "../../../plan/mesh-plan.ts";
import { ADDRESS, MESH_NETWORK } from "../../support/mesh-network.ts";
import { PLAIN_ENVIRONMENT } from "../../support/plain-node.ts";

const plan = (args: OllamaMeshArgs): MeshPlan => planMesh("lab", parseMesh(args));
const node = (args: OllamaMeshArgs, at = 0) => plan(args).nodes[at]!;

test("a mesh of one name is this plan, every default in its place", () => {
  const address = ADDRESS.one;
  expect(plan({ nodes: [{ name: "one" }] })).toEqual({
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
        weight: 1,
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
      algorithm: "least_conn",
      connectTimeoutSeconds: 2,
      readTimeoutSeconds: 900,
      sendTimeoutSeconds: 60,
      maxFails: 10,
      failTimeoutSeconds: 2,
      maxBodyMiB: 64,
      nodeHeader: true,
      workers: 2,
      key: "local",
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
        timeoutSeconds: 15,
      },
      keepalive: { connections: 32, timeoutSeconds: 60, requests: 1000 },
      url: "http://127.0.0.1:11434",
      urlBySsh: false,
    },
    rollout: {
      maxUnavailable: 1,
      drainTimeoutSeconds: 600,
      readyTimeoutSeconds: 600,
      warmUp: true,
      minimumFreeGiB: 2,
    },
  });
});

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
      weight: 1,
      backup: false,
      maintenance: false,
      drain: false,
      offline: false,
      maxConnections: 0,
    });
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

test("settings of the balancer and the roll-out stand over the defaults, one by one", () => {
  const { balancer, rollout } = plan({
    nodes: [{ name: "a" }],
    balancer: {
      listen: { port: 80 },
      keepalive: { connections: 8 },
      subnet: "172.30.7.0/24",
      retry: { tries: 2 },
    },
    rollout: { warmUp: false, drainTimeoutSeconds: 5 },
  });
  expect([
    balancer.listen,
    balancer.keepalive,
    balancer.addresses.subnet,
    balancer.retry.tries,
    balancer.maxFails,
  ]).toEqual([
    { address: "127.0.0.1", port: 80 },
    { connections: 8, timeoutSeconds: 60, requests: 1000 },
    "172.30.7.0/24",
    2,
    10,
  ]);
  expect(rollout).toEqual({
    maxUnavailable: 1,
    drainTimeoutSeconds: 5,
    readyTimeoutSeconds: 600,
    warmUp: false,
    minimumFreeGiB: 2,
  });
});

describe("what of the balancer is there only when it was declared", () => {
  const balancer = (args: OllamaMeshArgs["balancer"]) =>
    plan({ nodes: [{ name: "a" }], balancer: args! }).balancer;
  const OPTIONAL = ["tls", "management", "hashKey", "sticky", "resolver"];

  test("is absent in the plan of a mesh that says nothing of it", () => {
    expect(Object.keys(balancer({})).filter((key) => OPTIONAL.includes(key))).toEqual([]);
  });

  test("has the defaults of what goes with it", () => {
    expect(balancer({ management: { port: 11_435 } }).management).toEqual({
      address: "127.0.0.1",
      port: 11_435,
    });
    expect(balancer({ sticky: { header: "X-Session-ID" } }).sticky).toEqual({
      header: "X-Session-ID",
      expiresSeconds: 3600,
    });
    expect(balancer({ routes: { paths: [{ path: "/rerank" }] } }).routes).toEqual({
      set: "ollama",
      upgrade: false,
      paths: [{ path: "/rerank", methods: ["GET", "HEAD", "POST"] }],
    });
  });

  test("retry conditions are the profile's, or one's own", () => {
    const on = (retry: object) => balancer({ retry }).retry.on;
    expect(on({ profile: "strict" })).toEqual(["error", "timeout"]);
    expect(on({ profile: "llm" })).toEqual(on({}));
    expect(on({ on: ["http_429"] })).toEqual(["http_429"]);
  });
});

describe("the URL for clients", () => {
  const url = (balancer: OllamaMeshArgs["balancer"]) =>
    plan({ nodes: [{ name: "a", address: "10.0.0.7" }], balancer: balancer! }).balancer.url;
  test.each<[OllamaMeshArgs["balancer"], string]>([
    [{}, "http://127.0.0.1:11434"],
    [{ listen: { address: "10.0.0.2", port: 80 } }, "http://10.0.0.2:80"],
    [{ listen: { address: "2001:db8::2" } }, "http://[2001:db8::2]:11434"],
    [{ listen: { address: "0.0.0.0" } }, "http://localhost:11434"],
    [{ listen: { address: "::" } }, "http://localhost:11434"],
    [
      { tls: { certificateFile: "/etc/a/c.pem", keyFile: "/etc/a/k.pem" } },
      "https://127.0.0.1:11434",
    ],
    [{ host: "ssh://admin@lb.lan:22", listen: { address: "0.0.0.0" } }, "http://lb.lan:11434"],
    [{ host: "ssh://lb", listen: { address: "::" }, address: "ai.lan" }, "http://ai.lan:11434"],
    [{ address: "2001:db8::3" }, "http://[2001:db8::3]:11434"],
  ])("%j: %s", (balancer, expected) => {
    expect(url(balancer)).toBe(expected);
  });

  test.each<[string, OllamaMeshArgs["balancer"], boolean]>([
    ["where every address of an ssh host is meant", { host: "ssh://lb" }, true],
    ["not of a host by TCP", { host: "tcp://lb:2376" }, false],
    ["not where it is declared", { host: "ssh://lb", address: "ai.lan" }, false],
  ])("is asked of ssh %s", (_, balancer, expected) => {
    const everywhere = { listen: { address: "0.0.0.0" }, ...balancer };
    const nodes = [{ name: "a", address: "10.0.0.7" }];
    expect(plan({ nodes, balancer: everywhere }).balancer.urlBySsh).toBe(expected);
  });
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

test.each([
  ["10.0.0.7", "10.0.0.7:80"],
  ["gpu1.lan", "gpu1.lan:80"],
  ["::1", "[::1]:80"],
])("address and port of %s are %s", (host, expected) => {
  expect(hostPort(host, 80)).toBe(expected);
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

  test("the config is not changed", () => {
    const config = parseMesh({ nodes: [{ name: "a" }], models: ["m"], balancer: { workers: 3 } });
    const before = structuredClone(config);
    planMesh("lab", config);
    expect(config).toEqual(before);
  });
});
