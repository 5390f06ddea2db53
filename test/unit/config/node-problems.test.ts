// Settings of nodes and the roll-out, each right by itself, that do not go together.
import { describe, expect, test } from "vitest";

import { messageOf, problemPaths, problemsOf } from "../../support/config-problems.ts";

const at = (nodes: object[], rest: object = {}) => problemPaths({ nodes, ...rest });

test("two nodes of a name", () => {
  expect(problemsOf({ nodes: [{ name: "a" }, { name: "b" }, { name: "a" }] })).toEqual([
    { path: "nodes[2].name", text: 'must be unique, but nodes[0] is "a" too' },
  ]);
});

test("a node that is called as what guards another one", () => {
  const host = "ssh://gpu1.lan";
  const two = (rest: object = {}, beside: object = { host, port: 11_435 }) => [
    { name: "a-guard", ...beside },
    { name: "a", host, ...rest },
  ];
  const text =
    'must be another name: what guards nodes[1], with access: balancerOnly, is called so, got "a-guard"';
  const refused = [{ path: "nodes[0].name", text }];
  expect(problemsOf({ nodes: two({ access: "balancerOnly" }) })).toEqual(refused);
  expect(problemsOf({ nodes: two(), access: "balancerOnly" })).toEqual(refused);
  expect(problemsOf({ nodes: two({ access: "balancerOnly" }, {}) })).toEqual(refused);
  expect(problemsOf({ nodes: two() })).toEqual([]);
  const unmanaged = { managed: false, address: "10.0.0.9" };
  expect(problemsOf({ nodes: two({ access: "balancerOnly" }, unmanaged) })).toEqual([]);
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

test("mounts at one place, and where there is something already", () => {
  const mounts = ["/models", "/models/", "/tmp/./", "/a/..", "/models/a"].map((path) => ({
    source: "cache",
    path,
  }));
  const node = { name: "a", image: "vllm:1", service: { port: 8000, mounts } };
  expect(
    messageOf({ nodes: [node] })
      .split("\n")
      .slice(1),
  ).toEqual([
    '  nodes[0].service.mounts[1].path  must be unique, but service.mounts[0] is there already, got "/models/"',
    '  nodes[0].service.mounts[2].path  must be another path: the container has a /tmp of its own, in memory, which may be written, got "/tmp/./"',
    '  nodes[0].service.mounts[3].path  must be a folder or file below /, which is the image itself, got "/a/.."',
  ]);
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

describe("one engine in two spellings", () => {
  const found = (...hosts: string[]) =>
    problemsOf({ nodes: hosts.map((host, at) => ({ name: `n${at}`, host, port: 12_000 + at })) });

  test("is refused, with the spelling that came first", () => {
    expect(found("ssh://gpu1", "ssh://gpu2", "ssh://GPU1", "ssh://gpu1:22")).toEqual([
      {
        path: "nodes[2].host",
        text: 'must be written as nodes[0].host, since it is the same engine: "ssh://gpu1", got "ssh://GPU1"',
      },
      {
        path: "nodes[3].host",
        text: 'must be written as nodes[0].host, since it is the same engine: "ssh://gpu1", got "ssh://gpu1:22"',
      },
    ]);
    const sockets = ["/var/run/docker.sock", "/run/docker.sock"].map((path, at) => ({
      ...{ name: `n${at}`, host: `unix://${path}`, address: `10.0.0.${at + 1}` },
    }));
    expect(problemPaths({ nodes: sockets })).toEqual(["nodes[1].host"]);
    expect(found("tcp://rack.lan:2376", "tcp://Rack.lan:2376")).toHaveLength(1);
    expect(
      found("ssh://ops@gpu1", "ssh://ops@gpu1:22/run/docker.sock", "ssh://ops@Gpu1"),
    ).toHaveLength(1);
  });

  test("is not what differs by user, port, kind or socket, or is no Ollama of the mesh", () => {
    expect(
      found(
        ...["ssh://gpu1", "ssh://ops@gpu1", "ssh://Ops@gpu1", "ssh://gpu1:2222", "tcp://gpu1:2376"],
        ...["tcp://gpu1:22", "ssh://gpu1/run/user/1000/docker.sock"],
      ),
    ).toEqual([]);
    const nodes = [
      { name: "a", host: "ssh://gpu1" },
      { name: "b", host: "ssh://GPU1", port: 8000, image: "own:1", service: { port: 8000 } },
    ];
    expect(problemsOf({ nodes })).toEqual([]);
  });
});

describe("a server that is the balancer itself", () => {
  const found = (server: object, balancer: object) =>
    problemsOf({ nodes: [{ name: "b", managed: false, ...server }], balancer }).map(
      ({ path, text }) => `${path}  ${text}`,
    );
  const refused = (place: string) => [
    `nodes[0].port  must be that of another server: at ${place} the balancer itself listens; declare the port at which yours does`,
  ];
  const hosts = [{ host: "ssh://rack1", address: "10.8.0.11" }, { host: "ssh://10.8.0.12" }];
  const all = { address: "0.0.0.0" };

  test.each<[string, object, object, string]>([
    [
      "at one of its addresses",
      {},
      { listen: { addresses: ["127.0.0.1", "10.0.0.7"] } },
      "10.0.0.7:11434",
    ],
    [
      "at its engine's, when it listens on all",
      { port: 8080 },
      { host: "ssh://10.0.0.7", listen: { ...all, port: 8080 } },
      "10.0.0.7:8080",
    ],
    [
      "at the port that redirects",
      { port: 80 },
      {
        listen: { address: "10.0.0.7", port: 443 },
        tls: { certificateFile: "/t/c", keyFile: "/t/k", redirectPort: 80 },
      },
      "10.0.0.7:80",
    ],
    [
      "by Docker's name",
      { address: "host.docker.internal" },
      { listen: all },
      "host.docker.internal:11434",
    ],
    ["at the second of two", { address: "10.8.0.12" }, { hosts, listen: all }, "10.8.0.12:11434"],
    [
      "at an address that two share",
      { address: "10.8.0.50" },
      { hosts, listen: all, virtualAddress: "10.8.0.50/24" },
      "10.8.0.50:11434",
    ],
  ])("%s is refused: it would send requests to itself", (_, server, balancer, place) => {
    expect(found({ address: "10.0.0.7", ...server }, balancer)).toContain(refused(place)[0]);
  });

  test.each<[string, object, object]>([
    ["another port", { port: 11_435 }, { listen: { address: "10.0.0.7" } }],
    ["another address", {}, { listen: { address: "10.0.0.8" } }],
    ["its machine, where it is on the loopback", {}, { host: "ssh://10.0.0.7" }],
    ["one in maintenance", { maintenance: true }, { listen: { address: "10.0.0.7" } }],
  ])("but not %s", (_, server, balancer) => {
    expect(found({ address: "10.0.0.7", ...server }, balancer)).toEqual([]);
  });
});
