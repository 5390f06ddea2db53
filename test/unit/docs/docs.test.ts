// Documentation that must not drift from the code.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";
import { describe, expect, test, type TestContext } from "vitest";

import { NODE, RETRY } from "../../../config/defaults.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { parseYaml } from "../../support/yaml.ts";

const ROOT = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

interface Property {
  key: string;
  optional: boolean;
  type: string;
  doc: string;
}

/** Every interface of the arguments, its properties with type and docstring. */
function interfaces(): Map<string, Property[]> {
  const statements = ["node-args.ts", "balancer-args.ts", "mesh-args.ts"].flatMap((file) => {
    const text = read(`config/${file}`);
    return [...ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true).statements];
  });
  const found = new Map<string, Property[]>();
  for (const node of statements) {
    if (!ts.isInterfaceDeclaration(node)) continue;
    found.set(
      node.name.text,
      node.members.filter(ts.isPropertySignature).map((member) => ({
        key: member.name.getText(),
        optional: member.questionToken !== undefined,
        type: (member.type?.getText() ?? "").replace(/^pulumi\.Input<(.*)>$/, "$1"),
        doc: docOf(member),
      })),
    );
  }
  return found;
}

const docOf = (node: ts.Node) =>
  ts
    .getJSDocCommentsAndTags(node)
    .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? "")
    .join(" ")
    .replace(/\s+/g, " ");

const ALL = interfaces();

describe("the arguments", () => {
  test("has the interfaces that users meet", () => {
    expect([...ALL.keys()]).toEqual([
      "GpuArgs",
      "OllamaSettings",
      "NodeTlsArgs",
      "MountArgs",
      "ServiceArgs",
      "NodeArgs",
      "ListenArgs",
      "KeepaliveArgs",
      "StickyArgs",
      "RetryArgs",
      "RouteArgs",
      "RoutesArgs",
      "ManagementArgs",
      "TlsArgs",
      "ApiKeyArgs",
      "LimitArgs",
      "AccessArgs",
      "BalancerArgs",
      "RolloutArgs",
      "OllamaMeshArgs",
      "NodeStatus",
    ]);
  });

  const properties = [...ALL].flatMap(([name, own]) =>
    own.map((property): [string, Property] => [`${name}.${property.key}`, property]),
  );

  test.each(properties)("%s says what it is, in sentences", (_, { doc }) => {
    expect(doc).toMatch(/^\S.{9,}\.$/);
    expect(doc).not.toContain("{@");
  });

  const optional = properties.filter(
    ([, { key, optional }]) => optional && !["balancer", "rollout"].includes(key),
  );
  test.each(optional)("%s names its default, or what it goes with", (_, { doc }) => {
    expect(doc).toMatch(/\b(Default|Exclusive with|Required with)\b/);
  });

  test("only what has no default is required", () => {
    const required = properties.filter(
      ([name, { optional }]) => !optional && !name.startsWith("NodeStatus."),
    );
    expect(required.map(([name]) => name)).toEqual([
      "MountArgs.source",
      "MountArgs.path",
      "ServiceArgs.port",
      "NodeArgs.name",
      "RouteArgs.path",
      "ManagementArgs.port",
      "ApiKeyArgs.name",
      "ApiKeyArgs.key",
      "OllamaMeshArgs.nodes",
    ]);
  });
});

describe("Pulumi.yaml", () => {
  const { config } = parseYaml(read("Pulumi.yaml")) as {
    config: Record<string, { description?: string; default?: unknown; type?: string }>;
  };

  test("declares the keys of OllamaMeshArgs, no more and no fewer", () => {
    expect(Object.keys(config).toSorted()).toEqual(
      ALL.get("OllamaMeshArgs")!
        .map(({ key }) => key)
        .toSorted(),
    );
  });

  test.each(Object.entries(config))("describes %s", (_, { description }) => {
    expect(description).toMatch(/^\S.{9,}$/);
  });

  test("demands nodes, and gives an empty default to the rest", () => {
    expect(
      Object.fromEntries(Object.entries(config).map(([key, value]) => [key, value.default])),
    ).toEqual({
      nodes: undefined,
      models: [],
      image: "",
      ollama: {},
      access: "",
      balancer: {},
      rollout: {},
    });
  });
});

/** What the code does where a setting is left out, by path. */
function defaultsOfCode(): Record<string, string> {
  // What is absent unless declared is declared with no more than it must have.
  const declared = { sticky: { cookie: "a" }, management: { port: 1 } };
  const { nodes, balancer, rollout } = planMesh(
    "lab",
    parseMesh({ nodes: [{ name: "a" }], balancer: declared }),
  );
  const node = nodes[0]!;
  const container = node.container!;
  const variable = (name: string) =>
    container.environment.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  const pick = <T extends object>(path: string, from: T, keys: (keyof T & string)[]) =>
    keys.map((key) => [`${path}${key}`, from[key]] as const);
  const all: (readonly [string, unknown])[] = [
    ["nodes[].host", container.endpoint],
    ...pick("nodes[].", node, [
      ...(["port", "weight", "backup", "maintenance", "drain", "maxConnections"] as const),
    ]),
    ["nodes[].managed", node.container !== undefined],
    ["image", container.image],
    ["access", NODE.access],
    ["ollama.keepAlive", variable("OLLAMA_KEEP_ALIVE")],
    ["ollama.numParallel", variable("OLLAMA_NUM_PARALLEL")],
    ["balancer.host", balancer.endpoint],
    ...pick("balancer.", balancer, [
      ...(["image", "algorithm", "connectTimeoutSeconds", "readTimeoutSeconds"] as const),
      ...(["sendTimeoutSeconds", "maxFails", "failTimeoutSeconds"] as const),
      ...(["maxBodyMiB", "nodeHeader", "workers"] as const),
    ]),
    ...pick("balancer.sticky.", balancer.sticky!, ["expiresSeconds"]),
    ...pick("balancer.management.", balancer.management!, ["address"]),
    ...pick("balancer.routes.", balancer.routes, ["set", "upgrade"]),
    ...pick("balancer.retry.", balancer.retry, ["tries", "timeoutSeconds"]),
    ["balancer.retry.profile", RETRY.profile],
    ...pick("balancer.listen.", balancer.listen, ["address", "port"]),
    ...pick("balancer.keepalive.", balancer.keepalive, [
      ...(["connections", "timeoutSeconds", "requests"] as const),
    ]),
    ...pick("rollout.", rollout, [
      ...(["maxUnavailable", "drainTimeoutSeconds", "readyTimeoutSeconds"] as const),
      ...(["warmUp", "minimumFreeGiB"] as const),
    ]),
  ];
  return Object.fromEntries(all.map(([path, value]) => [path, String(value)]));
}

/** Every setting by its path; what only holds others has none, but for the two that hold nodes and a node's own Ollama settings. */
function settings(name = "OllamaMeshArgs", path = ""): (Property & { path: string })[] {
  return ALL.get(name)!.flatMap((property) => {
    const own = { ...property, path: `${path}${property.key}` };
    const list = /^(\w+)\[\]$/.exec(property.type)?.[1];
    const inner = list ?? property.type;
    if (!ALL.has(inner) || own.path === "nodes[].ollama") return [own];
    return [...(list ? [own] : []), ...settings(inner, `${own.path}${list ? "[]" : ""}.`)];
  });
}

describe("defaults", () => {
  // Their docstrings speak of the version instead of naming it.
  const prose = ["image", "balancer.image"];
  const docs = new Map(settings().map(({ path, doc }) => [path, doc]));

  test.each(Object.entries(defaultsOfCode()).filter(([path]) => !prose.includes(path)))(
    "the docstring of %s says %s, as the code does",
    (path, value) => {
      const said = /\bDefault "?([^\s"]*[^\s".,:;])/.exec(docs.get(path) ?? "")?.[1];
      expect(said).toBe(value);
    },
  );
});

describe("README.md", () => {
  const file = join(ROOT, "README.md");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const section = /^## Configuration$([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(text)?.[1];
  const needTable = (context: TestContext) => {
    if (section === undefined) context.skip('README.md has no section "## Configuration"');
  };

  /** Its rows: | `nodes[].weight` | number | `1` | meaning | */
  const rows = [
    ...(section ?? "").matchAll(/^\| *`([^`]+)` *\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm),
  ].map(([, key = "", type = "", fallback = "", meaning = ""]) => ({
    key,
    type: type.trim(),
    fallback: fallback.replaceAll("`", "").trim(),
    meaning: meaning.trim(),
  }));

  test("has one row for every setting of the arguments, in their order, and no other", (context) => {
    needTable(context);
    expect(rows.map(({ key }) => key)).toEqual(settings().map(({ path }) => path));
  });

  test("states the defaults of the code", (context) => {
    needTable(context);
    const code = defaultsOfCode();
    const stated = rows
      .filter(({ key }) => key in code)
      .map(({ key, fallback }) => [key, fallback]);
    expect(Object.fromEntries(stated)).toEqual(code);
  });

  test("names each setting's type and meaning", (context) => {
    needTable(context);
    const kind = (type: string) => {
      if (type.endsWith("[]")) return "list";
      if (/^(Record|[A-Z]\w*(Args|Settings)$)/.test(type)) return "object";
      return /^[A-Z]/.test(type) ? "string" : type;
    };
    const kinds = Object.fromEntries(settings().map(({ path, type }) => [path, kind(type)]));
    expect(Object.fromEntries(rows.map(({ key, type }) => [key, type]))).toEqual(kinds);
    expect(rows.filter(({ meaning }) => meaning === "")).toEqual([]);
  });
});
