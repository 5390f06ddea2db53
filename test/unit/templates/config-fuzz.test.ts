// Arbitrary text at every place that takes text: either an error in the house form, or a config that reads
// back as the tree it was printed from, and that nginx accepts.
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";

import { hostPort } from "../../../config/net/host-port.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import type { MeshConfig } from "../../../config/mesh-config.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { ConfigurationError } from "../../../config/problems.ts";
import type { Argument, Directive } from "../../../templates/directive.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import { withServers } from "../../../templates/admitted-servers.ts";
import { secretFiles } from "../../../templates/front/secret-files.ts";
import { tlsProxySocket, tlsProxy } from "../../../templates/nodes/tls-proxy.ts";
import { serverLine } from "../../../templates/nodes/upstream.ts";
import { admitted } from "../../support/admitted.ts";
import { pathOf, putAt } from "../../support/config-problems.ts";
import { need } from "../../support/needs.ts";
import { inside, readNginx, type Read } from "../../support/nginx-tokens.ts";
import { testWithNginx, type WithFiles } from "../../support/nginx.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";

/** Every tree that was printed; the largest is the config's. */
const printed = vi.hoisted((): Directive[][] => []);
vi.mock(import("../../../templates/directive.ts"), async (original) => {
  const actual = await original();
  return {
    ...actual,
    print: (tree: readonly Directive[], depth?: number) => {
      printed.push([...tree]);
      return actual.print(tree, depth);
    },
  };
});

const EXTERNAL = [
  { name: "one", managed: false, address: "10.0.0.1" },
  { name: "two", managed: false, address: "gpu2.lan" },
];
const mesh = (balancer: object, nodes: object[] = EXTERNAL) => ({ nodes, balancer });
const KEY = "test-key-of-anna-0001";
const FILES = { certificateFile: "/etc/nginx/tls/c.pem", keyFile: "/etc/nginx/tls/k.pem" };

/** Every place that takes text, with a mesh in which it has an effect and some text that is fine there. */
const FIELDS: Record<string, { beside?: object; fine: string[] }> = {
  "nodes.0.name": { fine: ["gpu-1", "a"] },
  "nodes.0.host": {
    beside: { nodes: [{ name: "one" }] },
    fine: ["ssh://ops@gpu1.lan", "tcp://a:1"],
  },
  "nodes.0.address": { fine: ["10.0.0.7", "gpu1.lan", "2001:db8::7"] },
  "nodes.0.tls.serverName": {
    beside: { nodes: [{ ...EXTERNAL[0]!, tls: { serverName: "a" } }, EXTERNAL[1]!] },
    fine: ["gpu1.lan", "a-b.example.org"],
  },
  "nodes.0.image": { beside: { nodes: [{ name: "one" }] }, fine: ["a/b:1"] },
  "nodes.0.models.0": { beside: { nodes: [{ name: "one" }] }, fine: ["llama3.2:3b"] },
  "nodes.0.gpus.vendor": { beside: { nodes: [{ name: "one" }] }, fine: ["amd"] },
  "nodes.0.ollama.keepAlive": { beside: { nodes: [{ name: "one" }] }, fine: ["5m"] },
  "nodes.0.ollama.loadTimeout": { beside: { nodes: [{ name: "one" }] }, fine: ["5m"] },
  "nodes.0.ollama.kvCacheType": { beside: { nodes: [{ name: "one" }] }, fine: ["f16"] },
  "nodes.0.ollama.environment.A": { beside: { nodes: [{ name: "one" }] }, fine: ["b"] },
  "models.0": { fine: ["llama3.2:3b"] },
  image: { fine: ["a:1"] },
  "balancer.host": { fine: ["ssh://lb.lan", "unix:///run/docker.sock"] },
  "balancer.image": { fine: ["nginx:1"] },
  "balancer.listen.address": { fine: ["0.0.0.0", "::1"] },
  "balancer.algorithm": { fine: ["random", "ip_hash"] },
  "balancer.subnet": { fine: ["10.90.16.0/20"] },
  "balancer.hashKey": {
    beside: mesh({ algorithm: "hash" }),
    fine: ["uri", "client", "header:X-A", "cookie:a_b", "argument:user"],
  },
  "balancer.resolver": { fine: ["127.0.0.11", "2001:db8::53"] },
  "balancer.sticky.cookie": { fine: ["mesh", "_a-b"] },
  "balancer.sticky.header": { fine: ["X-Session-ID"] },
  "balancer.retry.profile": { fine: ["strict"] },
  "balancer.retry.on.0": { fine: ["http_429", "non_idempotent"] },
  "balancer.routes.set": { fine: ["all"] },
  "balancer.routes.paths.0.path": { fine: ["/", "/predict", "/files/", "/v1/chat/completions"] },
  "balancer.routes.paths.0.methods.0": {
    beside: mesh({ routes: { paths: [{ path: "/a" }] } }),
    fine: ["PATCH"],
  },
  "balancer.management.address": { beside: mesh({ management: { port: 1 } }), fine: ["::1"] },
  "balancer.access.allow.0": { fine: ["10.1.2.3/8", "::/0", "2001:db8::1"] },
  "balancer.access.deny.0": { fine: ["0.0.0.0/0", "::ffff:10.0.0.1"] },
  "balancer.access.trustedProxies.0": { fine: ["10.0.0.0/8", "fd00::/8"] },
  "balancer.access.corsOrigins.0": { fine: ["*", "https://a.example", "http://localhost:3000"] },
  "balancer.access.apiKeys.0.name": {
    beside: mesh({ access: { apiKeys: [{ name: "a", key: KEY }] } }),
    fine: ["anna", "ci@example.org"],
  },
  "balancer.access.apiKeys.0.key": {
    beside: mesh({ access: { apiKeys: [{ name: "a", key: KEY }] } }),
    fine: ["~~~~~~~~~~~~~~~~", "a.b+c/d=e-f_g~00", KEY],
  },
  "balancer.tls.certificate": {
    beside: mesh({ tls: { certificate: "", key: TEST_KEY, redirectPort: 1 } }),
    fine: [TEST_CERTIFICATE],
  },
  "balancer.tls.key": {
    beside: mesh({ tls: { certificate: TEST_CERTIFICATE, key: "" } }),
    fine: [TEST_KEY],
  },
  "balancer.tls.certificateFile": {
    beside: mesh({ tls: FILES }),
    fine: ["/etc/nginx/tls/a.pem", "/etc/nginx/tls/a@b-c.pem"],
  },
  "balancer.tls.keyFile": { beside: mesh({ tls: FILES }), fine: ["/etc/nginx/tls/a.key"] },
};

/** Anything: bytes, Unicode, pieces of nginx's own syntax, and text that is fine with something changed. */
const textFor = (fine: readonly string[]) => {
  const SYNTAX = [
    "$",
    "{",
    "}",
    ";",
    '"',
    "'",
    "\\",
    "#",
    "\n",
    "\r",
    " ",
    "\0",
    "~",
    ":",
    "/",
    "..",
  ];
  const piece = fc.oneof(
    fc.constantFrom(...SYNTAX),
    fc.constantFrom(
      "$host",
      "${host}",
      "daemon off",
      "default",
      "include",
      "0",
      "a",
      "A",
      "-",
      "%",
    ),
  );
  const changed = fc
    .tuple(fc.constantFrom(...fine), fc.nat(), piece, fc.nat({ max: 3 }))
    .map(([text, at, inserted, cut]) => {
      const from = at % (text.length + 1);
      return `${text.slice(0, from)}${inserted}${text.slice(from + cut)}`;
    });
  return fc.oneof(
    fc.constantFrom(...fine),
    { arbitrary: changed, weight: 4 },
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")),
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.string({ maxLength: 30 }),
  );
};

/** The mesh, if its config is accepted; an error must be in the house form. */
function accepted(field: string, value: string): MeshConfig | undefined {
  try {
    return parseMesh(putAt(FIELDS[field]!.beside ?? mesh({}), pathOf(field), value));
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    const [head, ...lines] = (error as ConfigurationError).message.split("\n");
    expect(head).toMatch(/^ollama-mesh: \d+ problems? in the configuration$/);
    expect(lines.filter((line) => !/^ {2}\S/.test(line))).toEqual([]);
    return undefined;
  }
}

/** What nginx ought to read of a tree: every word one word, user text as it was given. */
function expected(tree: readonly Directive[]): Read[] {
  return tree.flatMap(({ name, args, block }) =>
    // A mark, which is a comment until servers take its place.
    name.startsWith("#")
      ? []
      : [
          {
            name: words(name).join(),
            args: args.flatMap(words),
            ...(block ? { block: expected(block) } : {}),
          },
        ],
  );
}

function words(argument: Argument): string[] {
  if (typeof argument === "object") return [argument.literal];
  const [read, ...rest] = readNginx(`${argument};`);
  // To nginx the end of `if ($a = "")` is a word of its own.
  if (!read || rest.length > 0 || read.block || read.args.some((each) => each !== ")")) {
    throw new Error(`is not one word: ${argument}`);
  }
  return [read.name, ...read.args];
}

/** The config of an accepted mesh, after looking at what was printed; with the files beside it. */
function rendered(config: MeshConfig): WithFiles {
  const { balancer, nodes } = planMesh("lab", config);
  printed.length = 0;
  const base = nginxConf(balancer, nodes);
  const tree = printed.reduce((a, b) => (b.length > a.length ? b : a), []);
  expect(readNginx(base)).toEqual(expected(tree));
  const lines = nodes.map(
    (node) =>
      [node.name, admitted(serverLine(balancer, node), node, tlsProxy(balancer, node))] as const,
  );
  const { conf } = withServers(base, Object.fromEntries(lines));
  const servers = inside(readNginx(conf), "http", "upstream ollama")
    .filter(({ name }) => name === "server")
    .map(({ args }) => args[0]!);
  expect(servers.toSorted()).toEqual(
    nodes
      .map((node) => (node.tls ? tlsProxySocket(node) : hostPort(node.address, node.port)))
      .toSorted(),
  );
  const files = secretFiles(balancer);
  for (const [name, text] of Object.entries(files)) {
    if (name.endsWith(".conf")) {
      const keys = balancer.access.apiKeys!.map(({ name, key }) => `${key}:${name}`);
      expect(readNginx(text).map(({ args }) => args)).toEqual(keys.map((each) => [each]));
    }
  }
  return { conf, files };
}

describe("text at", () => {
  test.each(Object.entries(FIELDS))("%s", (field, { fine }) => {
    let taken = 0;
    fc.assert(
      fc.property(textFor(fine), (value) => {
        const config = accepted(field, value);
        if (!config) return;
        taken++;
        rendered(config);
      }),
      { numRuns: 150, seed: 4 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  test("places are all that take text", () => {
    for (const [field, { fine }] of Object.entries(FIELDS)) {
      for (const value of fine) expect(accepted(field, value), `${field} ${value}`).toBeDefined();
    }
  });
});

test("nginx itself accepts what was accepted", async (context) => {
  const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
  // Whether text is a certificate is for nginx to say; the config does not hold it.
  const fields = Object.entries(FIELDS).filter(
    ([field]) => !/^balancer\.tls\.(cert.*te|key)$/.test(field),
  );
  const cases = fields.flatMap(([field, { fine }]) => {
    const values = [...fine, ...fc.sample(textFor(fine), { numRuns: 200, seed: 7 })];
    const configs = [...new Set(values)].flatMap((value) => {
      const config = accepted(field, value);
      return config ? [{ value, config }] : [];
    });
    return configs.slice(0, 12).map(({ value, config }, i) => {
      const { conf, files } = rendered(config);
      const { tls } = planMesh("lab", config).balancer;
      const mounted = tls?.certificateFile
        ? { [inTls(tls.certificateFile)]: TEST_CERTIFICATE, [inTls(tls.keyFile!)]: TEST_KEY }
        : {};
      return { name: `${field}-${i}`, value, config: { conf, files: { ...files, ...mounted } } };
    });
  });
  expect(cases.length).toBeGreaterThan(150);
  const said = await testWithNginx(
    image,
    Object.fromEntries(cases.map(({ name, config }) => [name, config])),
  );
  const refused = cases
    .filter(({ name }) => said[name] !== "")
    .map(({ name, value }) => [name, value, said[name]]);
  expect(refused).toEqual([]);
}, 240_000);

/** Where a file of the host lies inside the container. */
const inTls = (path: string) => `/etc/nginx/tls/${path.split("/").filter(Boolean).at(-1)}`;
