// Arbitrary text at every place that takes text: either an error in the house form, or a config that reads
// back as the tree it was printed from, and that nginx accepts.
import { isDeepStrictEqual } from "node:util";

import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";

import { hostPort } from "../../../config/net/host-port.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import type { MeshConfig } from "../../../config/mesh-config.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { ConfigurationError } from "../../../config/problems.ts";
import type { Statement } from "../../../templates/directive.ts";
import { groups } from "../../../templates/nodes/pools.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import { withServers } from "../../../templates/admitted-servers.ts";
import { secretFiles } from "../../../templates/front/secret-files.ts";
import { API_KEYS_FILE } from "../../../templates/front/api-keys.ts";
import { hopSocket } from "../../../templates/nodes/hop.ts";
import { hasHop } from "../../../templates/nodes/node-address.ts";
import type { Argument, Key } from "../../../templates/words.ts";
import { admitted } from "../../support/admitted.ts";
import { pathOf, putAt } from "../../support/config-problems.ts";
import { need } from "../../support/needs.ts";
import { inside, readNginx, type Read } from "../../support/nginx-tokens.ts";
import { testWithNginx, type WithFiles } from "../../support/nginx.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";
import { FIELDS, mesh, textFor } from "./text-fields.ts";

/** Every tree that was printed; the largest is the config's. */
const printed = vi.hoisted((): Statement[][] => []);
vi.mock(import("../../../templates/directive.ts"), async (original) => {
  const actual = await original();
  return {
    ...actual,
    print: (tree: readonly Statement[], depth?: number) => {
      printed.push([...tree]);
      return actual.print(tree, depth);
    },
  };
});

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
function expected(tree: readonly Statement[]): Read[] {
  return tree.flatMap((each) => {
    // A comment to nginx, until nodes take its place.
    if ("slot" in each) return [];
    if ("key" in each) return [{ name: keyWord(each.key), args: words(each.value) }];
    const { name, args, block } = each;
    return [{ name, args: args.flatMap(words), ...(block ? { block: expected(block) } : {}) }];
  });
}

function keyWord(key: Key): string {
  if (key === "default") return key;
  return "pattern" in key ? `~${key.pattern}` : key.literal;
}

function words(argument: Argument): string[] {
  if (typeof argument === "object") return [argument.literal];
  const read = READ.get(argument) ?? readArgument(argument);
  READ.set(argument, read);
  return read;
}

/** What was read of an argument: most are the same in every config. */
const READ = new Map<string | number, string[]>();

function readArgument(argument: string | number): string[] {
  const [first, ...rest] = readNginx(`${argument};`);
  // To nginx the end of `if ($a = "")` is a word of its own.
  if (!first || rest.length > 0 || first.block || first.args.some((each) => each !== ")")) {
    throw new Error(`is not one word: ${argument}`);
  }
  return [first.name, ...first.args];
}

/** Requires that they are equal. Only where they are not is vitest asked, which takes ten times as long for a whole config. */
function same(read: readonly Read[], wanted: readonly Read[]): void {
  if (!isDeepStrictEqual(read, wanted)) expect(read).toEqual(wanted);
}

/** The config of an accepted mesh, after looking at what was printed; with the files beside it. */
function rendered(config: MeshConfig): WithFiles {
  const { balancer, nodes } = planMesh("lab", config);
  printed.length = 0;
  const base = nginxConf(balancer, nodes);
  const tree = printed.reduce((a, b) => (b.length > a.length ? b : a), []);
  same(readNginx(base), expected(tree));
  const lines = nodes.map((node, at) => {
    const { apiKey } = config.nodes[at]!;
    return [
      node.name,
      admitted(balancer, apiKey === undefined ? node : { ...node, apiKey }),
    ] as const;
  });
  const { conf, files: beside } = withServers(base, Object.fromEntries(lines));
  for (const { group, nodes: own } of groups(balancer, nodes)) {
    const servers = inside(readNginx(conf), "http", `upstream ${group}`)
      .filter(({ name, args }) => name === "server" && args[1] !== "route=~")
      .map(({ args }) => args[0]!);
    const places = own.map((node) =>
      hasHop(node) ? hopSocket(node) : hostPort(node.address, node.port),
    );
    expect(servers.toSorted()).toEqual(places.length > 0 ? places.toSorted() : ["127.0.0.1:9"]);
  }
  const files = { ...secretFiles(balancer), ...beside };
  for (const [at, { name, apiKey }] of config.nodes.entries()) {
    if (apiKey === undefined) continue;
    const header = readNginx(files[`key-${name}.conf`]!);
    expect(
      header.map(({ args }) => args),
      `nodes[${at}]`,
    ).toEqual([["Authorization", `Bearer ${apiKey}`]]);
  }
  for (const [name, text] of Object.entries(files)) {
    if (name === API_KEYS_FILE) {
      const keys = balancer.access.apiKeys!.flatMap(({ name, key }) => [
        `${key}:${name}`,
        ...[`${name}:${key}`, `${key}:`].map((each) => `Basic.${btoa(each)}:${name}`),
      ]);
      const read = readNginx(text).flatMap(({ args }) => args);
      expect(read.toSorted()).toEqual(keys.toSorted());
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
    const values = [...fine, ...fc.sample(textFor(fine), { numRuns: 60, seed: 7 })];
    const configs = [...new Set(values)].flatMap((value) => {
      const config = accepted(field, value);
      return config ? [{ value, config }] : [];
    });
    return configs.slice(0, 5).map(({ value, config }, i) => {
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
}, 900_000);

/** Where a file of the host lies inside the container. */
const inTls = (path: string) => `/etc/nginx/tls/${path.split("/").filter(Boolean).at(-1)}`;
