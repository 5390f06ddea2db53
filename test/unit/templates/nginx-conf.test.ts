import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { OllamaMeshArgs } from "../../../config/mesh-args.ts";
import type { NodeArgs } from "../../../config/node-args.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import type { NodePlan } from "../../../plan/node-plan.ts";
import { HASH_MARK, withServers } from "../../../templates/admitted-servers.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import {
  NAMES_MARK,
  PLACEHOLDER_SERVER,
  serverLine,
  SERVERS_MARK,
} from "../../../templates/nodes/upstream.ts";
import { admitted } from "../../support/admitted.ts";
import { need } from "../../support/needs.ts";
import { everywhere, inside, readNginx } from "../../support/nginx-tokens.ts";
import { headersFromNginx, NAMED_ADDRESS, testWithNginx } from "../../support/nginx.ts";

/** The config of a mesh with some of its nodes admitted, by default all. */
function rendered(args: OllamaMeshArgs, chosen?: (node: NodePlan) => boolean) {
  const { balancer, nodes } = planMesh("lab", parseMesh(args));
  const base = nginxConf(balancer, nodes);
  const servers = nodes
    .filter(chosen ?? (() => true))
    .map((node) => [node.name, admitted(serverLine(balancer, node), node)] as const);
  return { base, ...withServers(base, Object.fromEntries(servers)) };
}

const servers = (conf: string) =>
  inside(readNginx(conf), "http", "upstream ollama")
    .filter(({ name }) => name === "server")
    .map(({ args }) => args.join(" "));

const placeholder = PLACEHOLDER_SERVER.replace(/^server |;$/g, "");

/** Any node list that is a mesh. */
const anyNodes = fc
  .uniqueArray(
    fc.record({
      name: fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/).filter((name) => name !== "balancer"),
      weight: fc.integer({ min: 1, max: 1000 }),
      maintenance: fc.boolean(),
      maxConnections: fc.constantFrom(0, 2, 100),
      host: fc.constantFrom("ssh://gpu1.lan", "ssh://gpu2.lan"),
    }),
    { minLength: 1, maxLength: 8, selector: ({ name }) => name },
  )
  .map((nodes) => nodes.map((node, i): NodeArgs => ({ ...node, port: 12_000 + i })));

describe("the lines of admitted nodes", () => {
  test("stand in the group by the alphabet, and nothing else does", () => {
    const external = (name: string, address: string, weight: number) => ({
      name,
      managed: false,
      address,
      weight,
    });
    const nodes = [external("b", "10.0.0.1", 1), external("a", "10.0.0.2", 3)];
    expect(servers(rendered({ nodes }).conf)).toEqual([
      "10.0.0.2:11434 weight=3 max_fails=10 fail_timeout=2s",
      "10.0.0.1:11434 weight=1 max_fails=10 fail_timeout=2s",
    ]);
  });

  test("a placeholder stands before them exactly when none is a primary", () => {
    const nodes = [{ name: "a" }, { name: "b", backup: true }];
    const first = (admitted: (node: NodePlan) => boolean) =>
      servers(rendered({ nodes }, admitted).conf).map((line) => line === placeholder);
    expect(first(() => false)).toEqual([true]);
    expect(first(({ backup }) => backup)).toEqual([true, false]);
    expect(first(({ backup }) => !backup)).toEqual([false]);
    expect(first(() => true)).toEqual([false, false]);
  });

  test("a node that is down is a primary to nginx and needs no placeholder", () => {
    const { conf } = rendered({ nodes: [{ name: "a", maintenance: true }] });
    expect(servers(conf)).toHaveLength(1);
    expect(servers(conf)[0]).toMatch(/ down$/);
  });

  test("a host whose name begins with backup is a primary", () => {
    for (const address of ["backup", "backup-gpu.lan"]) {
      const { conf } = rendered({ nodes: [{ name: "a", managed: false, address }] });
      expect(servers(conf)).toEqual([`${address}:11434 weight=1 max_fails=10 fail_timeout=2s`]);
    }
  });

  test("no mark is left", () => {
    fc.assert(
      fc.property(anyNodes, (nodes) => {
        const { base, conf } = rendered({ nodes });
        expect(base.split(SERVERS_MARK)).toHaveLength(2);
        expect(base.split(HASH_MARK)).toHaveLength(2);
        expect(conf).not.toContain(SERVERS_MARK);
        expect(conf).not.toContain(NAMES_MARK);
        expect(conf).not.toContain(HASH_MARK);
      }),
    );
  });
});

describe("the hash", () => {
  test("is in the config, for the mesh to ask for", () => {
    const { conf, hash } = rendered({ nodes: [{ name: "a" }] });
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
    expect(
      everywhere(readNginx(conf), "location")
        .filter(({ args }) => args.join(" ") === "= /config-hash")
        .map(({ block }) => block),
    ).toEqual([
      [
        { name: "default_type", args: ["text/plain"] },
        { name: "return", args: ["200", hash] },
      ],
    ]);
  });

  test("differs exactly when the text does", () => {
    fc.assert(
      fc.property(anyNodes, anyNodes, (one, two) => {
        const [a, b] = [rendered({ nodes: one }), rendered({ nodes: two })];
        expect(a.hash === b.hash).toBe(a.conf === b.conf);
        expect(rendered({ nodes: structuredClone(one) })).toEqual(a);
      }),
    );
  });

  test("changes with a node's weight, its maintenance, and its admission", () => {
    const nodes = [{ name: "a" }, { name: "b" }];
    const hashes = [
      rendered({ nodes }),
      rendered({ nodes: [{ name: "a", weight: 2 }, { name: "b" }] }),
      rendered({ nodes: [{ name: "a", maintenance: true }, { name: "b" }] }),
      rendered({ nodes }, ({ name }) => name === "a"),
      rendered({ nodes, balancer: { retry: { tries: 2 } } }),
    ].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe("what does not change the config", () => {
  test("the order of the nodes", () => {
    fc.assert(
      fc.property(
        anyNodes.chain((nodes) =>
          fc.tuple(fc.constant(nodes), fc.shuffledSubarray(nodes, { minLength: nodes.length })),
        ),
        ([nodes, shuffled]) => {
          expect(rendered({ nodes: shuffled })).toEqual(rendered({ nodes }));
        },
      ),
    );
  });

  test("what concerns containers only", () => {
    const plain = rendered({ nodes: [{ name: "a" }] });
    const full = rendered({
      nodes: [{ name: "a", gpus: { vendor: "nvidia" }, image: "own:1", cpus: 2, models: ["m"] }],
      models: ["n"],
      image: "own:2",
      ollama: { debug: true },
      rollout: { drainTimeoutSeconds: 1, warmUp: false },
    });
    expect(full).toEqual(plain);
  });

  test("weight, backup and maintenance, as long as no line is admitted: they are the admissions' own", () => {
    const nodes = [{ name: "a" }, { name: "b" }];
    const changed = [
      { name: "a", weight: 7, maintenance: true },
      { name: "b", backup: true, maxConnections: 4 },
    ];
    expect(rendered({ nodes: changed }).base).toBe(rendered({ nodes }).base);
  });
});

describe("the name of the node that answered", () => {
  /** What nginx's two maps give for an $upstream_addr: the last address, and its name. */
  const nameOf = (nodes: NodeArgs[], upstream: string) => {
    const { base, conf } = rendered({ nodes });
    const [, expression] = inside(readNginx(base), "http", "map $upstream_addr");
    const last = new RegExp(expression!.name.slice(1)).exec(upstream)?.[1] ?? "";
    expect(expression!.args).toEqual(["$1"]);
    return inside(readNginx(conf), "http", "map $mesh_upstream")
      .filter(({ name }) => name === last)
      .map(({ args }) => args[0]);
  };
  const external = (name: string, address: string, port = 80): NodeArgs => ({
    name,
    managed: false,
    address,
    port,
  });
  const nodes = [
    external("one", "10.0.0.1"),
    external("eleven", "10.0.0.11"),
    external("other-port", "10.0.0.1", 8080),
    external("six", "2001:DB8:0:0::6"),
  ];

  test.each([
    ["10.0.0.1:80", ["one"]],
    ["10.0.0.11:80", ["eleven"]],
    ["10.0.0.1:8080", ["other-port"]],
    ["110.0.0.1:80", []],
    ["10.0.0.1:80, 10.0.0.11:80", ["eleven"]],
    ["10.0.0.11:80 : 10.0.0.1:80", ["one"]],
    ["[2001:db8::6]:80", ["six"]],
    ["10.0.0.1:80, [2001:db8::6]:80", ["six"]],
    ["[2001:db8::6]:800", []],
    ["10x0.0.1:80", []],
    ["ollama", []],
    ["", []],
  ])("%s: %j", (upstream, names) => {
    expect(nameOf(nodes, upstream)).toEqual(names);
  });
});

describe("the name of the node that answered, told by nginx itself", () => {
  // The balancer's own management server stands in for a node: it answers 404.
  const answeredBy = async (image: string, address: string, found: string) => {
    const args = { nodes: [{ name: "stand-in", managed: false, address, port: 8081 }] };
    const { balancer, nodes } = planMesh("lab", parseMesh(args));
    const line = serverLine(balancer, nodes[0]!);
    const servers = { "stand-in": { line, addresses: [found], port: 8081 } };
    const { conf } = withServers(nginxConf(balancer, nodes), servers);
    return (await headersFromNginx(image, conf, "/api/tags"))["x-mesh-node"];
  };

  test("of a node by address", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    expect(await answeredBy(image, "127.0.0.1", "127.0.0.1")).toBe("stand-in");
  }, 60_000);

  test("of a node by host name", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    expect(await answeredBy(image, "gpu1.lan", NAMED_ADDRESS)).toBe("stand-in");
  }, 60_000);
});

describe("many nodes", () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `node-${i}` }));

  test("a thousand are rendered, each with its line and its name", () => {
    const { balancer, nodes } = planMesh("lab", { nodes: many(1000) });
    const { conf } = withServers(
      nginxConf(balancer, nodes),
      Object.fromEntries(
        nodes.map((node) => [node.name, admitted(serverLine(balancer, node), node)]),
      ),
    );
    expect(new Set(servers(conf)).size).toBe(1000);
    expect(inside(readNginx(conf), "http", "map $mesh_upstream")).toHaveLength(1001);
  });

  test("nginx itself takes the 500 that a mesh may have", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const { conf } = rendered({ nodes: many(500) });
    expect(await testWithNginx(image, { conf })).toEqual({ conf: "" });
  }, 60_000);

  test("nginx itself takes a mesh before any node is admitted, and one with backups only", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const nodes = [{ name: "a" }, { name: "b", backup: true }];
    const algorithms = ["least_conn", "round_robin", "ip_hash", "random_two_least_conn"] as const;
    const confs = Object.fromEntries([
      ...algorithms.map((algorithm) => [
        `none-${algorithm}`,
        rendered({ nodes: [{ name: "a" }], balancer: { algorithm } }, () => false).conf,
      ]),
      ["backup", rendered({ nodes }, ({ backup }) => backup).conf],
    ]);
    const said = await testWithNginx(image, confs);
    expect(said).toEqual(Object.fromEntries(Object.keys(confs).map((name) => [name, ""])));
  }, 60_000);
});

describe("what clients may reach", () => {
  const front = inside(readNginx(rendered({ nodes: [{ name: "a" }] }).conf), "http", "server");
  const locations = front.filter(({ name }) => name === "location");
  const proxied = locations.filter(({ block }) => block!.some(({ name }) => name === "proxy_pass"));

  test("is a list; whatever is not on it is answered by nginx", () => {
    expect(proxied.map(({ args }) => args.join(" ")).toSorted()).toEqual([
      "/v1/models/",
      "= /",
      "= /api/chat",
      "= /api/embed",
      "= /api/embeddings",
      "= /api/generate",
      "= /api/ps",
      "= /api/show",
      "= /api/tags",
      "= /api/version",
      "= /v1/audio/transcriptions",
      "= /v1/chat/completions",
      "= /v1/completions",
      "= /v1/embeddings",
      "= /v1/messages",
      "= /v1/models",
      "= /v1/responses",
    ]);
    expect(
      locations.filter(({ args }) => args.join(" ") === "/").map(({ block }) => block),
    ).toEqual([[{ name: "return", args: ["404"] }]]);
  });

  test("no proxied location has a proxy_set_header of its own, which would lose all others", () => {
    const own = proxied.flatMap(({ block }) => block!.map(({ name }) => name));
    expect([...new Set(own)].toSorted()).toEqual(["if", "proxy_pass", "set"]);
  });

  test("nodes see Ollama's own host, no origin and no key", () => {
    const headers = front
      .filter(({ name }) => name === "proxy_set_header")
      .map(({ args }) => args as [string, string]);
    expect(Object.fromEntries(headers)).toEqual({
      Connection: "",
      Host: "localhost:11434",
      Origin: "",
      Authorization: "",
      "X-API-Key": "",
      "X-Real-IP": "$remote_addr",
      "X-Forwarded-For": "$remote_addr",
      Forwarded: "",
      "X-Forwarded-Proto": "$scheme",
      "X-Request-ID": "$mesh_request_id",
    });
  });

  test("what only the mesh may ask listens on the container's loopback", () => {
    const listens = everywhere(readNginx(rendered({ nodes: [{ name: "a" }] }).conf), "listen");
    expect(listens.map(({ args }) => args.join(" "))).toEqual([
      "8080 default_server so_keepalive=60s:15s:4",
      "127.0.0.1:8081",
    ]);
  });
});
