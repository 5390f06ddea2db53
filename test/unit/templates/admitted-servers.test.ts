// Nodes come and go in text that was rendered once.
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { NodePlan } from "../../../plan/node-plan.ts";
import { withServers } from "../../../templates/admitted-servers.ts";
import { isBackup, PLACEHOLDER_SERVER } from "../../../templates/nodes/upstream.ts";
import { fillHash, fillSlots } from "../../../templates/slots.ts";
import { everywhere, readNginx } from "../../support/nginx-tokens.ts";
import { anyNodes, rendered, servers } from "./rendered.ts";

const placeholder = PLACEHOLDER_SERVER.replace(/^server |;$/g, "");

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
      "10.0.0.2:11434 weight=3 max_fails=10 fail_timeout=2s route=a",
      "10.0.0.1:11434 weight=1 max_fails=10 fail_timeout=2s route=b",
    ]);
  });

  test("a placeholder stands before them exactly when none is a primary", () => {
    const nodes = [{ name: "a" }, { name: "b", backup: true }];
    const first = (admitted: (node: NodePlan) => boolean) =>
      servers(rendered({ nodes }, admitted).conf).map((line) => line === placeholder);
    expect(first(() => false)).toEqual([true]);
    // A backup has two lines: hints are looked up among primaries only.
    expect(first(({ backup }) => backup)).toEqual([true, false, false]);
    expect(first(({ backup }) => !backup)).toEqual([false]);
    expect(first(() => true)).toEqual([false, false, false]);
  });

  test("a node that is down is a primary to nginx and needs no placeholder", () => {
    const { conf } = rendered({ nodes: [{ name: "a", maintenance: true }] });
    expect(servers(conf)).toHaveLength(1);
    expect(servers(conf)[0]).toMatch(/ down$/);
  });

  test("a host whose name begins with backup is a primary", () => {
    for (const address of ["backup", "backup-gpu.lan"]) {
      const { conf } = rendered({ nodes: [{ name: "a", managed: false, address }] });
      expect(servers(conf)).toEqual([
        `${address}:11434 weight=1 max_fails=10 fail_timeout=2s route=a`,
      ]);
    }
  });

  test("no mark is left", () => {
    fc.assert(
      fc.property(anyNodes, (nodes) => {
        const { base, conf } = rendered({ nodes });
        expect(base.match(/@[a-z-]+@/g)?.toSorted()).toEqual([
          "@admitted-nodes@",
          "@config-hash@",
          "@node-names@",
          "@tls-hops@",
        ]);
        expect(conf).not.toMatch(/@[a-z-]+@/);
      }),
    );
  });
});

describe("a line", () => {
  test.each([
    ["server 10.0.0.1:80 weight=1 max_fails=10 fail_timeout=2s backup;", true],
    ["server 10.0.0.1:80 weight=1 max_fails=10 fail_timeout=2s resolve backup down;", true],
    ['server "[::1]:80" weight=1 max_fails=10 fail_timeout=2s backup drain;', true],
    ["server 10.0.0.1:80 weight=1 max_fails=10 fail_timeout=2s;", false],
    ["server backup weight=1;", false],
    ["server backup;", false],
    ["server backup:80 weight=1 max_fails=10 fail_timeout=2s;", false],
    ["server unix:/tmp/node-backup.sock weight=1 max_fails=10 fail_timeout=2s;", false],
  ])("of any version tells whether it is a backup: %s", (line, backup) => {
    expect(isBackup(line)).toBe(backup);
  });
});

describe("filling", () => {
  const base = `http {
    map $a $b {
        default "";
        # @node-names@;
    }
    upstream ollama {
        # @admitted-nodes@;
        keepalive 32;
    }
    # @tls-hops@;
    return 200 @config-hash@;
    return 200 "# @admitted-nodes@;";
    set $a @config-hash@;
}
`;
  const line = (text: string) => (indent: string) => `${indent}${text};\n`;

  test("goes by lines that hold nothing else, and keeps their indentation", () => {
    const filled = fillSlots(base, {
      servers: line("server a"),
      names: line("a b"),
      hops: line("server c"),
    });
    expect(fillHash(filled, "0123")).toBe(
      base
        .replace("        # @node-names@;", "        a b;")
        .replace("        # @admitted-nodes@;", "        server a;")
        .replace("    # @tls-hops@;", "    server c;")
        .replace("return 200 @config-hash@", "return 200 0123"),
    );
  });

  test("takes what it is given as it is, dollars too", () => {
    const hop = { conf: "    set $a $&$1$'$$;\n", files: {} };
    const { conf } = withServers(base, {
      a: { line: "server a;", addresses: [], port: 1, hop },
    });
    expect(conf).toContain(`    }\n${hop.conf}    return 200`);
  });

  test("leaves a text of an older version without a slot as it is", () => {
    const older = base.replace("    # @tls-hops@;\n", "");
    const { conf } = withServers(older, { a: { line: "server a;", addresses: [], port: 1 } });
    expect(conf.split("\n")).toHaveLength(older.split("\n").length - 1);
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

test("a name is looked up once where the config has no resolver any more", () => {
  const servers = {
    a: { line: "server a.lan:1 weight=1 resolve backup;", addresses: [], port: 1 },
  };
  const base = (resolver: string) =>
    `${resolver}    upstream ollama {\n        # @admitted-nodes@;\n    }\n`;
  expect(withServers(base("    resolver 192.168.1.1;\n"), servers).conf).toContain(
    "server a.lan:1 weight=1 resolve backup;",
  );
  expect(withServers(base(""), servers).conf).toContain("server a.lan:1 weight=1 backup;");
});

describe("pools", () => {
  const base = [
    "    upstream ollama {\n        # @admitted-nodes@;\n    }\n",
    "    upstream ollama_pool.p {\n        # @admitted-nodes:p@;\n    }\n",
  ];
  const node = (name: string, pool?: string) => ({
    line: `server ${name};`,
    addresses: [],
    port: 1,
    ...(pool === undefined ? {} : { pool }),
    routed: { kind: "ollama" as const, ...(pool === undefined ? {} : { pool }) },
  });
  const lines = (text: string) =>
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.startsWith("server "));

  test("have their own nodes, and a placeholder each", () => {
    const two = { a: node("a"), b: node("b", "p") };
    expect(withServers(base.join(""), two).conf).toBe(
      "    upstream ollama {\n        server a;\n    }\n    upstream ollama_pool.p {\n        server b;\n    }\n",
    );
    expect(lines(withServers(base.join(""), { b: node("b", "p") }).conf)).toEqual([
      PLACEHOLDER_SERVER,
      "server b;",
    ]);
  });

  test("that are not there any more have no group, and the program knows nothing of their nodes", () => {
    const router = { program: "", settings: {} as never };
    const { conf, files } = withServers(
      base.join(""),
      { a: node("a"), c: node("c", "gone") },
      "",
      router,
    );
    expect(lines(conf)).toEqual(["server a route=a;", PLACEHOLDER_SERVER]);
    expect(Object.values(files).join("")).not.toContain('"c"');
  });

  test("are one group where the config has none, until their nodes are amended", () => {
    const all = { a: node("a"), b: node("b", "p") };
    expect(lines(withServers(base[0]!, all).conf)).toEqual(["server a;", "server b;"]);
  });
});
