// Two balancers: what they may be, and what is refused before anything is touched.
import { describe, expect, test } from "vitest";

import { parseMesh } from "../../../../config/parse-mesh.ts";
import { balancerWarnings } from "../../../../config/checks/warnings.ts";
import { problemsOf } from "../../../support/config-problems.ts";

const A = { host: "ssh://ops@192.168.1.11" };
const B = { host: "ssh://ops@192.168.1.12" };
const LISTEN = { address: "0.0.0.0" };
const SHARED = "192.168.1.50/24";
const NODES = [{ name: "a", host: "ssh://ops@192.168.1.21" }];

const found = (balancer: object, nodes: object[] = NODES) =>
  problemsOf({ nodes, balancer: { listen: LISTEN, ...balancer } }).map(({ path, text }) => [
    path,
    text,
  ]);

test.each<[string, object[], string]>([
  ["in capitals", [{ host: "ssh://rack1" }, { host: "ssh://RACK1" }], "balancer.hosts[1].host"],
  [
    "with ssh's own port",
    [
      { host: "ssh://rack1", address: "10.0.0.1" },
      { host: "ssh://rack1:22", address: "10.0.0.2" },
    ],
    "balancer.hosts[1].host",
  ],
  [
    "by its address in capitals",
    [
      { host: "ssh://a", address: "rack1.lan" },
      { host: "ssh://b", address: "Rack1.lan" },
    ],
    "balancer.hosts[1].address",
  ],
])("one machine twice, %s, is refused", (_, hosts, path) => {
  expect(found({ hosts }).map(([at]) => at)).toEqual([path]);
});

test("a node on a balancer's machine, which is written in another way", () => {
  const hosts = [A, { host: "ssh://rack2" }];
  const nodes = [{ name: "a", host: "ssh://RACK2" }];
  expect(found({ hosts }, nodes).map(([at]) => at)).toEqual(["nodes[0].port"]);
  const off = [A, { host: "ssh://rack2", offline: true }];
  const elsewhere = nodes.map((node) => ({ ...node, port: 7 }));
  expect(found({ hosts: off }, elsewhere).map(([at]) => at)).toEqual(["nodes[0].offline"]);
});

describe("fine are", () => {
  test.each([
    ["two machines", { hosts: [A, B] }],
    ["on every IPv6 address too", { hosts: [A, B], listen: { address: "::" } }],
    ["with an address together", { hosts: [A, B], virtualAddress: SHARED, virtualRouterId: 255 }],
    ["by names, with a name for clients", { hosts: [{ host: "ssh://a" }, B], address: "mesh.lan" }],
    ["one of them off", { hosts: [A, { ...B, offline: true }] }],
    [
      "by aliases with their addresses",
      {
        hosts: [{ host: "ssh://a", address: "192.168.1.11" }, B],
        virtualAddress: SHARED,
        keepalivedImage: "keepalived:2",
      },
    ],
    [
      "this machine by its address",
      { hosts: [{ host: "unix:///var/run/docker.sock", address: "192.168.1.9" }, B] },
    ],
    ["a management listener on all addresses", { hosts: [A, B], management: MANAGED("0.0.0.0") }],
    ["and on each one's loopback", { hosts: [A, B], management: MANAGED("127.0.0.1") }],
  ])("%s", (_, balancer) => {
    expect(found(balancer)).toEqual([]);
  });
});

function MANAGED(address: string) {
  return { address, port: 11_435 };
}

describe("refused is", () => {
  const IN_NETWORK = 'must be an IPv4 address with its network as "192.168.1.50/24"';
  test.each<[string, object, [string, string][]]>([
    [
      "one machine alone",
      { hosts: [A] },
      [
        [
          "balancer.hosts",
          "must be two machines; one alone is declared as balancer.host, got a list",
        ],
      ],
    ],
    [
      "a third one",
      { hosts: [A, B, { host: "ssh://c" }] },
      [
        [
          "balancer.hosts",
          "must be two machines; one alone is declared as balancer.host, got a list",
        ],
      ],
    ],
    [
      "host beside hosts",
      { host: "ssh://a", hosts: [A, B] },
      [["balancer.host", "is one of two in balancer.hosts; leave one of them out"]],
    ],
    [
      "a machine twice",
      { hosts: [A, A] },
      [
        [
          "balancer.hosts[1].host",
          'must be another machine than balancer.hosts[0], got "ssh://ops@192.168.1.11"',
        ],
      ],
    ],
    [
      "an address twice",
      { hosts: [A, { host: "ssh://b", address: "192.168.1.11" }] },
      [
        [
          "balancer.hosts[1].address",
          'must be another address than that of balancer.hosts[0], got "192.168.1.11"',
        ],
      ],
    ],
    [
      "both switched off",
      {
        hosts: [
          { ...A, offline: true },
          { ...B, offline: true },
        ],
      },
      [["balancer.hosts[1].offline", "must not be set on both machines: one of them must be on"]],
    ],
    [
      "a machine that nobody else reaches",
      { hosts: [{ host: "unix:///var/run/docker.sock" }, { host: "ssh://localhost" }] },
      [
        [
          "balancer.hosts[0].address",
          "is missing; from unix:///var/run/docker.sock nobody can tell how clients and nodes reach that machine",
        ],
        [
          "balancer.hosts[1].address",
          'must be an address at which clients and nodes reach that machine, got "localhost"',
        ],
      ],
    ],
    [
      "an address that one machine has, and another one's management",
      {
        hosts: [A, B],
        listen: { address: "192.168.1.11" },
        management: MANAGED("192.168.1.11"),
      },
      [
        [
          "balancer.listen.address",
          'must be "0.0.0.0" with balancer.hosts, since no other address is on both machines; see README, Security, got "192.168.1.11"',
        ],
        [
          "balancer.management.address",
          'must be one that both machines of balancer.hosts have: "127.0.0.1", or "0.0.0.0", got "192.168.1.11"',
        ],
      ],
    ],
    [
      "the loopback, which is the default",
      { hosts: [A, B], listen: {} },
      [
        [
          "balancer.listen.address",
          'must be "0.0.0.0" with balancer.hosts, since no other address is on both machines; see README, Security, got "127.0.0.1"',
        ],
      ],
    ],
    [
      "an address together with one machine",
      { host: "ssh://a", virtualAddress: SHARED },
      [
        [
          "balancer.virtualAddress",
          "needs balancer.hosts: two machines, one of which has the address",
        ],
      ],
    ],
    [
      "what is for such an address, without one",
      { hosts: [A, B], virtualRouterId: 7, keepalivedImage: "a" },
      [
        ["balancer.virtualRouterId", "has no effect without balancer.virtualAddress; leave it out"],
        ["balancer.keepalivedImage", "has no effect without balancer.virtualAddress; leave it out"],
      ],
    ],
    [
      "an address without its network",
      { hosts: [A, B], virtualAddress: "192.168.1.50" },
      [["balancer.virtualAddress", `${IN_NETWORK}, got "192.168.1.50"`]],
    ],
    [
      "a network's own address",
      { hosts: [A, B], virtualAddress: "192.168.1.0/24" },
      [["balancer.virtualAddress", `${IN_NETWORK}, got "192.168.1.0/24"`]],
    ],
    [
      "a network's broadcast address",
      { hosts: [A, B], virtualAddress: "192.168.1.255/24" },
      [["balancer.virtualAddress", `${IN_NETWORK}, got "192.168.1.255/24"`]],
    ],
    [
      "a machine in another network, and one by its name",
      {
        hosts: [A, { host: "ssh://rack2" }],
        virtualAddress: "10.1.0.50/16",
      },
      [
        [
          "balancer.hosts[0].address",
          'must be the machine\'s IPv4 address in 10.1.0.0/16, the network of balancer.virtualAddress: an address moves only within one network, got "192.168.1.11" of its host',
        ],
        [
          "balancer.hosts[1].address",
          'must be the machine\'s IPv4 address in 10.1.0.0/16, the network of balancer.virtualAddress: an address moves only within one network, got "rack2" of its host',
        ],
      ],
    ],
    [
      "the address of one of the machines",
      { hosts: [A, B], virtualAddress: "192.168.1.12/24" },
      [
        [
          "balancer.hosts[1].address",
          'is balancer.virtualAddress, which must be free; declare the machine\'s own address, got "192.168.1.12"',
        ],
      ],
    ],
  ])("%s", (_, balancer, problems) => {
    expect(found(balancer)).toEqual(problems);
  });

  test("a node of this machine without an address, since neither balancer could reach it", () => {
    expect(found({ hosts: [A, B] }, [{ name: "a" }])).toEqual([
      [
        "nodes[0].address",
        "is missing; from unix:///var/run/docker.sock the balancer's engine cannot tell how to reach the node",
      ],
    ]);
  });

  test("a node at a balancer's port on that machine", () => {
    const at = (port?: number) => [{ name: "a", ...B, ...(port ? { port } : {}) }];
    expect(found({ hosts: [A, B] }, at())).toEqual([
      [
        "nodes[0].port",
        "must be another port than those of the balancer on that machine, got 11434",
      ],
    ]);
    expect(found({ hosts: [A, B] }, at(11_435))).toEqual([]);
  });

  test("a node that is off on a machine whose balancer is on, and the other way round", () => {
    const on = [{ name: "a", ...B, port: 2, offline: true }];
    expect(found({ hosts: [A, B] }, on)).toEqual([
      [
        "nodes[0].offline",
        "must not be set while the balancer on that machine is on; set balancer.hosts[1].offline too, or for maintenance maintenance: true",
      ],
    ]);
    const off = [{ name: "a", ...B, port: 2 }];
    expect(found({ hosts: [A, { ...B, offline: true }] }, off)).toEqual([
      [
        "nodes[0].offline",
        "must be true, since the host of this node is that of a balancer, which is offline; add offline: true",
      ],
    ]);
  });
});

// Docker refuses it on the other machine, once the first has been changed.
test("monitoring at an address that one machine has is refused, at one that both have it is not", () => {
  const at = (address: string) =>
    problemsOf({
      nodes: NODES,
      balancer: { hosts: [A, B], listen: LISTEN },
      monitoring: { address },
    });
  expect(at("192.168.1.11")).toEqual([
    {
      path: "monitoring.address",
      text: 'must be one that both machines of balancer.hosts have: "127.0.0.1", or "0.0.0.0", got "192.168.1.11"',
    },
  ]);
  expect(["127.0.0.1", "::1", "0.0.0.0", "::"].flatMap(at)).toEqual([]);
});

test("addresses that one machine has are named where they are declared", () => {
  const { hosts, listen } = { hosts: [A, B], listen: { addresses: ["192.168.1.11", "127.0.0.1"] } };
  expect(found({ hosts, listen })).toEqual([
    [
      "balancer.listen.addresses",
      'must be "0.0.0.0" with balancer.hosts, since no other address is on both machines; see README, Security, got "192.168.1.11, 127.0.0.1"',
    ],
  ]);
});

test("an address to share that a node has is refused: the balancers would take it away from that machine", () => {
  const shared = (nodes: object[]) => found({ hosts: [A, B], virtualAddress: SHARED }, nodes);
  const named = (at: number) => [
    "balancer.virtualAddress",
    `must be free, and is the address of nodes[${at}]; declare another one of that network, got "192.168.1.50/24"`,
  ];
  expect(shared([...NODES, { name: "b", host: "ssh://ops@192.168.1.50" }])).toEqual([named(1)]);
  expect(
    shared([{ name: "b", managed: false, address: "192.168.1.50", port: 8000 }, ...NODES]),
  ).toEqual([named(0)]);
});

describe("warned of is", () => {
  const warnings = (virtualAddress: string, hosts: object[]) => {
    const balancer = { hosts, virtualAddress, listen: LISTEN };
    return balancerWarnings(
      parseMesh({ nodes: [...NODES, { ...NODES[0], name: "b", port: 2 }], balancer }),
    );
  };

  test("a public address, which most networks do not let machines take over", () => {
    const hosts = [{ host: "ssh://203.0.113.11" }, { host: "ssh://203.0.113.12" }];
    expect(warnings("203.0.113.50/24", hosts)).toEqual([
      {
        path: "balancer.virtualAddress",
        text: "is 203.0.113.50/24, a public address: clouds do not let machines take one over by themselves; use the cloud's load balancer or two addresses (docs/two-balancers.md), unless these machines are on a network of your own",
      },
    ]);
  });

  test("no private one", () => {
    expect(warnings(SHARED, [A, B])).toEqual([]);
  });
});
