// Settings that are fine one by one and refused together, each with its reason; and what is close but fine.
import { describe, expect, test } from "vitest";

import { problemsOf } from "../../support/config-problems.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";

const FILES = { certificateFile: "/etc/ssl/mesh/c.pem", keyFile: "/etc/ssl/mesh/k.pem" };
const INLINE = { certificate: TEST_CERTIFICATE, key: TEST_KEY };
const TWO = [{ name: "a" }, { name: "b" }];

/** The problems of a mesh as [path, text]. */
const found = (balancer: object, nodes: object[] = TWO, rest: object = {}) =>
  problemsOf({ nodes, balancer, ...rest }).map(({ path, text }) => [path, text]);

/** Nodes named by letters. */
const letters = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: String.fromCharCode(97 + i) }));

describe("algorithms", () => {
  const nodes = [{ name: "a" }, { name: "b", backup: true }];

  test.each(["ip_hash", "random", "random_two_least_conn"])("%s has no backups", (algorithm) => {
    expect(found({ algorithm }, nodes)).toEqual([
      [
        "nodes[1].backup",
        `is not possible with balancer.algorithm ${algorithm}; use least_conn or round_robin`,
      ],
    ]);
  });

  test("hash has no backups", () => {
    const settings = { algorithm: "hash", hashKey: "uri" };
    expect(found(settings, nodes).map(([path]) => path)).toEqual(["nodes[1].backup"]);
    expect(found(settings)).toEqual([]);
  });

  test.each(["least_conn", "round_robin"])("%s has", (algorithm) => {
    expect(found({ algorithm }, nodes)).toEqual([]);
  });

  test("hash goes by a key, and nothing else does", () => {
    expect(found({ algorithm: "hash" })).toEqual([
      ["balancer.hashKey", "is missing; balancer.algorithm hash goes by it"],
    ]);
    expect(found({ algorithm: "random", hashKey: "uri" })).toEqual([
      ["balancer.hashKey", "has no effect with balancer.algorithm random; leave one of them out"],
    ]);
  });

  test.each([{}, { expiresSeconds: 60 }, { promptBytes: 0 }])(
    "sticky %j is by nothing",
    (sticky) => {
      expect(found({ sticky })).toEqual([
        ["balancer.sticky", "must have a cookie, a header or promptBytes"],
      ]);
    },
  );

  test("sticky is by cookie or header, not by both; by the prompt it is alone or beside", () => {
    expect(found({ sticky: { cookie: "a", header: "A" } })).toEqual([
      ["balancer.sticky", "must have either a cookie or a header"],
    ]);
    for (const sticky of [{ promptBytes: 256 }, { header: "A", promptBytes: 256 }]) {
      expect(found({ sticky })).toEqual([]);
    }
  });

  test("what only routing by models goes by has no effect with plain", () => {
    const settings = {
      routing: "plain",
      health: "verdict",
      closeOnFailure: true,
      queue: { longestWaitSeconds: 5 },
      sticky: { promptBytes: 256 },
    };
    expect(found(settings, [{ name: "a", places: 2 }, { name: "b" }])).toEqual(
      ["health", "closeOnFailure", "queue", "sticky.promptBytes"]
        .map((field) => `balancer.${field}`)
        .concat("nodes[0].places")
        .map((path) => [path, "has no effect with balancer.routing plain; leave one of them out"]),
    );
  });

  test("closeOnFailure needs somebody who finds failures", () => {
    expect(found({ closeOnFailure: true, health: "verdict" })).toEqual([]);
    expect(found({ closeOnFailure: false, health: "off" })).toEqual([]);
    expect(found({ closeOnFailure: true, health: "off" })).toEqual([
      ["balancer.closeOnFailure", "has no effect with balancer.health off; leave one of them out"],
    ]);
  });

  test("a node drains only where clients stick, and not in maintenance", () => {
    const draining = (rest: object) => [{ name: "a" }, { name: "b", drain: true, ...rest }];
    expect(found({ sticky: { cookie: "a" } }, draining({}))).toEqual([]);
    expect(found({ sticky: { cookie: "a" } }, draining({ maintenance: true }))).toEqual([
      ["nodes[1].drain", "has no effect with maintenance; leave one of them out"],
    ]);
    expect(found({}, draining({}))).toEqual([
      [
        "nodes[1].drain",
        "needs balancer.sticky; without it the node would get nothing, which is maintenance",
      ],
    ]);
  });

  test.each(["least_conn", "random_two_least_conn"])(
    "%s without counting failures would send everything to a dead node",
    (algorithm) => {
      expect(found({ algorithm, maxFails: 0 })).toEqual([
        [
          "balancer.maxFails",
          `must not be 0 with ${algorithm}: a dead node has the fewest requests in flight and would attract all`,
        ],
      ]);
      expect(found({ algorithm, maxFails: 1 })).toEqual([]);
    },
  );

  test.each(["round_robin", "ip_hash", "random"])("%s may count none", (algorithm) => {
    expect(found({ algorithm, maxFails: 0 })).toEqual([]);
  });
});

describe("time", () => {
  const budget = (needed: number, tries: number, connect: number, given: number) => [
    [
      "balancer.retry.timeoutSeconds",
      `must be at least ${needed}, or dead nodes leave no time for try ${tries} (connectTimeoutSeconds ${connect}), got ${given}`,
    ],
  ];

  test("the budget must have time for every dead node before the last try", () => {
    for (const [routing, seconds] of [
      ["models", 120],
      ["plain", 15],
    ] as const) {
      expect(found({ routing, connectTimeoutSeconds: seconds })).toEqual([]);
      const more = seconds + 1;
      expect(found({ routing, connectTimeoutSeconds: more })).toEqual(
        budget(more, 2, more, seconds),
      );
    }
    const settings = { connectTimeoutSeconds: 5, retry: { tries: 5, timeoutSeconds: 19 } };
    expect(found(settings, letters(5))).toEqual(budget(20, 5, 5, 19));
    expect(found({ ...settings, retry: { tries: 5, timeoutSeconds: 20 } }, letters(5))).toEqual([]);
  });

  test("no more tries count than there are nodes, and one try needs no budget", () => {
    expect(found({ connectTimeoutSeconds: 5, retry: { tries: 100 } }, letters(4))).toEqual([]);
    expect(found({ connectTimeoutSeconds: 3600 }, letters(1))).toEqual([]);
    expect(found({ connectTimeoutSeconds: 3600, retry: { tries: 1 } })).toEqual([]);
  });

  const slow = (loadTimeout: string, given: number) => [
    [
      "balancer.readTimeoutSeconds",
      `must be at least nodes[0]'s ollama.loadTimeout (${loadTimeout}), or a slow load is aborted and begun again, got ${given}`,
    ],
  ];

  test.each([
    ["15m1s", 900],
    ["1h", 3599],
    ["901", 900],
    ["1h30m", 5399],
    ["900001ms", 900],
  ])("a load of %s outlasts a read time-out of %d s", (loadTimeout, readTimeoutSeconds) => {
    const nodes = [{ name: "a", ollama: { loadTimeout } }, { name: "b" }];
    expect(found({ readTimeoutSeconds }, nodes)).toEqual(slow(loadTimeout, readTimeoutSeconds));
  });

  test.each([
    ["15m", 900],
    ["0", 1],
    ["-1", 1],
    ["1.5h", 5400],
  ])("a load of %s does not outlast %d s", (loadTimeout, readTimeoutSeconds) => {
    const nodes = [{ name: "a", ollama: { loadTimeout } }, { name: "b" }];
    expect(found({ readTimeoutSeconds }, nodes)).toEqual([]);
  });

  test("the mesh's load time-out holds for nodes that have none of their own, and is named once", () => {
    const nodes = [...letters(3), { name: "z", ollama: { loadTimeout: "1m" } }];
    const rest = { ollama: { loadTimeout: "10m" } };
    expect(found({ readTimeoutSeconds: 300 }, nodes, rest)).toEqual([
      [
        "balancer.readTimeoutSeconds",
        "must be at least ollama.loadTimeout (10m), or a slow load is aborted and begun again, got 300",
      ],
    ]);
  });

  test("servers that the mesh does not run have no load time-out that it knows", () => {
    const nodes = [{ name: "a", managed: false, address: "10.0.0.9" }];
    const rest = { ollama: { loadTimeout: "10m" } };
    expect(found({ readTimeoutSeconds: 60 }, nodes, rest)).toEqual([]);
  });
});

test("fewer connections than Ollama answers at the same time leave a part of the GPU idle", () => {
  const limited = (maxConnections: number, rest: object = {}) => [
    { name: "a", maxConnections, ...rest },
    { name: "b" },
  ];
  expect(found({}, limited(1))).toEqual([
    [
      "nodes[0].maxConnections",
      "must be 0 or at least the 2 requests that Ollama answers at the same time (numParallel), got 1",
    ],
  ]);
  expect(found({}, limited(2))).toEqual([]);
  expect(
    found({}, limited(4, { ollama: { numParallel: 4 } }), { ollama: { numParallel: 8 } }),
  ).toEqual([]);
  expect(found({}, limited(1, { managed: false, address: "10.0.0.9" }))).toEqual([]);
});

describe("retry", () => {
  test("conditions of one's own beside a profile are one too many", () => {
    expect(found({ retry: { profile: "llm", on: ["error"] } })).toEqual([
      ["balancer.retry.on", "takes the place of retry.profile; leave one of them out"],
    ]);
  });
});

describe("the front door", () => {
  const either = "must have either certificate and key, or certificateFile and keyFile";

  test.each<[string, object]>([
    ["nothing", {}],
    ["a certificate alone", { certificate: TEST_CERTIFICATE }],
    ["a key alone", { key: TEST_KEY }],
    ["a certificate's file alone", { certificateFile: FILES.certificateFile }],
    ["a key's file alone", { keyFile: FILES.keyFile }],
    ["one of each", { certificate: TEST_CERTIFICATE, keyFile: FILES.keyFile }],
    ["both pairs", { ...INLINE, ...FILES }],
    ["a pair and a half", { ...INLINE, keyFile: FILES.keyFile }],
  ])("TLS of %s is refused", (_, tls) => {
    expect(found({ tls })).toEqual([["balancer.tls", either]]);
  });

  test("files of two folders are refused, since nginx is given one", () => {
    const tls = { certificateFile: "/etc/ssl/certs/c.pem", keyFile: "/etc/ssl/private/k.pem" };
    expect(found({ tls })).toEqual([
      [
        "balancer.tls.keyFile",
        "must be in the folder of certificateFile, the only one that nginx is given",
      ],
    ]);
  });

  test("every listener has a port of its own", () => {
    const tls = { ...FILES, redirectPort: 11_434 };
    expect(found({ tls })).toEqual([
      ["balancer.tls.redirectPort", "must not be balancer.listen.port, got 11434"],
    ]);
    const text = "must be another port than the clients', got";
    expect(found({ management: { port: 11_434 } })).toEqual([
      ["balancer.management.port", `${text} 11434`],
    ]);
    expect(found({ management: { port: 80 }, tls: { ...FILES, redirectPort: 80 } })).toEqual([
      ["balancer.management.port", `${text} 80`],
    ]);
    expect(
      found({
        listen: { port: 443 },
        management: { port: 11_434 },
        tls: { ...FILES, redirectPort: 80 },
      }),
    ).toEqual([]);
  });

  test("names, keys and paths are there once; keys that differ in case are two", () => {
    const apiKeys = [
      { name: "anna", key: "test-key-of-anna-0001" },
      { name: "anna", key: "TEST-KEY-OF-ANNA-0001" },
      { name: "ben", key: "test-key-of-anna-0001" },
    ];
    const paths = [{ path: "/a" }, { path: "/a/" }, { path: "/a", methods: ["GET"] }];
    expect(found({ access: { apiKeys }, routes: { paths } })).toEqual([
      [
        "balancer.access.apiKeys[1].name",
        'must be unique, but balancer.access.apiKeys[0] has the same, got "anna"',
      ],
      [
        "balancer.access.apiKeys[2].key",
        "must be unique, but balancer.access.apiKeys[0] has the same",
      ],
      [
        "balancer.routes.paths[2].path",
        'must be unique, but balancer.routes.paths[0] has the same, got "/a"',
      ],
    ]);
  });
});

describe("routes", () => {
  test.each([{ set: "none" }, { set: "none", paths: [] }])("%j serves nothing", (routes) => {
    expect(found({ routes })).toEqual([
      [
        "balancer.routes.paths",
        'must name a path when routes.set is "none", or clients can ask for nothing',
      ],
    ]);
  });

  test.each([
    ["/healthz", "must be another path: the balancer answers this one itself"],
    ["/mesh-error", "must be another path: the balancer keeps its error pages there"],
    ["/mesh-error/400", "must be another path: the balancer keeps its error pages there"],
    ["/a/./b", "must have no"],
    ["/..", "must have no"],
    ["/a//b", "must have no"],
    ["/api/delete", "must not be a route that changes one node"],
    ["/api/blobs/", "must not be a route that changes one node"],
    ["/api/blobs/sha256-0", "must not be a route that changes one node"],
  ])("%s is no path for clients", (path, text) => {
    expect(found({ routes: { paths: [{ path }] } })).toEqual([
      ["balancer.routes.paths[0].path", expect.stringContaining(text)],
    ]);
  });

  test("paths of Ollama's management are another server's own where the set is not Ollama's", () => {
    for (const set of ["all", "none"]) {
      expect(found({ routes: { set, paths: [{ path: "/api/delete" }] } })).toEqual([]);
    }
  });

  test.each(["/api/deleted", "/healthz2", "/api/pulls/", "/a.b", "/..a"])("%s is one", (path) => {
    expect(found({ routes: { paths: [{ path }] } })).toEqual([]);
  });
});

test("an address that is listened at twice, in whatever spelling", () => {
  const addresses = ["::1", "127.0.0.1", "0:0:0:0:0:0:0:1"];
  const mesh = { nodes: [{ name: "a" }, { name: "b" }], balancer: { listen: { addresses } } };
  expect(problemsOf(mesh).map(({ path }) => path)).toEqual(["balancer.listen.addresses[2]"]);
});
