// Documentation of the arguments that must not drift from the code.
import { describe, expect, test } from "vitest";

import { parseYaml } from "../../support/yaml.ts";
import { defaultsOfCode } from "./defaults-of-code.ts";
import { INTERFACES, literalDefault, read, settings, type Property } from "./settings.ts";

describe("the arguments", () => {
  test("has the interfaces that users meet", () => {
    expect([...INTERFACES.keys()]).toEqual([
      "GpuArgs",
      "OllamaSettings",
      "NodeTlsArgs",
      "MountArgs",
      "ProbeArgs",
      "ServiceArgs",
      "NodeArgs",
      "LogArgs",
      "TracingArgs",
      "QueueArgs",
      "ListenArgs",
      "KeepaliveArgs",
      "StickyArgs",
      "RetryArgs",
      "RouteArgs",
      "RoutesArgs",
      "PoolArgs",
      "ManagementArgs",
      "TlsArgs",
      "ApiKeyArgs",
      "LimitArgs",
      "AccessArgs",
      "BalancerHostArgs",
      "BalancerArgs",
      "RolloutArgs",
      "MonitoringArgs",
      "OllamaMeshArgs",
      "MonitoringStatus",
      "NodeStatus",
    ]);
  });

  const properties = [...INTERFACES].flatMap(([name, own]) =>
    own.map((property): [string, Property] => [`${name}.${property.key}`, property]),
  );

  test.each(properties)("%s says what it is, in sentences", (_, { doc }) => {
    expect(doc).toMatch(/^\S.{9,}\.$/);
    expect(doc).not.toContain("{@");
  });

  const isOutput = (name: string) => /^(Node|Monitoring)Status\./.test(name);
  const optional = properties.filter(
    ([name, { key, optional }]) =>
      optional && !isOutput(name) && !["balancer", "rollout"].includes(key),
  );
  test.each(optional)("%s names its default, or what it goes with", (_, { doc }) => {
    expect(doc).toMatch(/\b(Default|Exclusive with|Required with)\b/);
  });

  test("only what has no default is required", () => {
    const required = properties.filter(([name, { optional }]) => !optional && !isOutput(name));
    expect(required.map(([name]) => name)).toEqual([
      "MountArgs.source",
      "MountArgs.path",
      "ProbeArgs.path",
      "ServiceArgs.port",
      "NodeArgs.name",
      "TracingArgs.endpoint",
      "RouteArgs.path",
      "PoolArgs.name",
      "ManagementArgs.port",
      "ApiKeyArgs.name",
      "ApiKeyArgs.key",
      "BalancerHostArgs.host",
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
      INTERFACES.get("OllamaMeshArgs")!
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
      // An object would be a monitoring.
      monitoring: "",
    });
  });
});

// Their docstrings speak of the version instead of naming it.
const PROSE = [
  ...["image", "balancer.image"],
  ...["prometheusImage", "grafanaImage", "alertmanagerImage"].map((key) => `monitoring.${key}`),
];

describe("defaults", () => {
  const code = defaultsOfCode();
  const docs = new Map(settings().map((setting) => [setting.path, setting]));

  test("are compared with the code wherever a docstring gives a value", () => {
    const given = settings().filter((each) => each.optional && literalDefault(each) !== undefined);
    expect(
      Object.keys(code)
        .filter((path) => !PROSE.includes(path))
        .toSorted(),
    ).toEqual(given.map(({ path }) => path).toSorted());
  });

  test.each(Object.entries(code).filter(([path]) => !PROSE.includes(path)))(
    "the docstring of %s says %s, as the code does",
    (path, value) => {
      expect(literalDefault(docs.get(path)!)).toBe(value);
    },
  );

  test.each([
    [{ type: "number", doc: "Port. Default 11434; with tls 443." }, "11434"],
    [{ type: "number", doc: "A queue. Default Ollama's own, 512." }, undefined],
    [{ type: "boolean", doc: "Drains. Default false: it does not." }, "false"],
    [{ type: "string", doc: 'A path. Default "/health". It answers.' }, "/health"],
    [
      { type: "string", doc: "Engine. Default unix:///a/b.sock, this machine's." },
      "unix:///a/b.sock",
    ],
    [{ type: "string", doc: "Address. Default 127.0.0.1: a choice." }, "127.0.0.1"],
    [{ type: "string", doc: "Name. Default listen.address; else none." }, undefined],
    [{ type: "Algorithm", doc: "How. Default least_conn: why." }, "least_conn"],
    [{ type: "NodeAccess", doc: "Who. Default the mesh's access." }, undefined],
    [{ type: "string[]", doc: 'Methods. Default ["GET", "HEAD"].' }, "GET, HEAD"],
    [{ type: "string[]", doc: "Models. Default none." }, undefined],
  ])("%j gives %s", (property, value) => {
    expect(literalDefault(property)).toBe(value);
  });
});

describe("docs/configuration.md", () => {
  const text = read("docs/configuration.md");

  /** Its rows: | `nodes[].weight` | number | `1` | meaning | */
  const rows = [...text.matchAll(/^\| *`([^`]+)` *\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)].map(
    ([, key = "", type = "", fallback = "", meaning = ""]) => ({
      key,
      type: type.trim(),
      fallback: fallback.replaceAll("`", "").trim(),
      meaning: meaning.trim(),
    }),
  );

  test("has one row for every setting of the arguments, in their order, and no other", () => {
    expect(rows.map(({ key }) => key)).toEqual(settings().map(({ path }) => path));
  });

  test("states the defaults of the code", () => {
    const code = defaultsOfCode();
    const stated = rows
      .filter(({ key }) => key in code)
      .map(({ key, fallback }) => [key, fallback]);
    expect(Object.fromEntries(stated)).toEqual(code);
  });

  test("names each setting's type and meaning", () => {
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
