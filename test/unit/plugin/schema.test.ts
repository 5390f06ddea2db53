// The Pulumi schema inferred from the components: what Python, Go, YAML and the rest see.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";

import * as components from "../../../components/index.ts";
import { packageSchema, SCHEMA_FILE, schemaText } from "../../../toolchain/package/schema.mjs";

type Schema = Awaited<ReturnType<typeof packageSchema>>;

const TOKEN = "ollama-mesh:index:OllamaMesh";
const ROOT = join(import.meta.dirname, "../../..");

type Property = NonNullable<Schema["types"][string]["properties"]>[string];

let text: string;
let schema: Schema;

beforeAll(async () => {
  schema = await packageSchema();
  text = JSON.stringify(schema);
}, 120_000);

test("is the file schema.json, as a whole; npm run schema writes it", async () => {
  await expect(await schemaText(schema)).toMatchFileSnapshot(SCHEMA_FILE);
});

test("has the version of package.json, which is the tag of a release", () => {
  const file = readFileSync(join(ROOT, "package.json"), "utf8");
  expect(schema.version).toBe((JSON.parse(file) as { version: string }).version);
});

test("has one resource, under the name of the package", () => {
  expect(schema.name).toBe("ollama-mesh");
  expect(Object.keys(schema.resources)).toEqual([TOKEN]);
});

describe("OllamaMesh", () => {
  const mesh = () => schema.resources[TOKEN]!;
  const type = (name: string) => `#/types/ollama-mesh:index:${name}`;

  test("takes the settings of OllamaMeshArgs, nodes required, all decided before the run but the image", () => {
    const shapes = Object.entries(mesh().inputProperties).map(
      ([key, { description: _, ...rest }]) => [key, rest],
    );
    expect(Object.fromEntries(shapes)).toEqual({
      nodes: {
        type: "array",
        plain: true,
        items: { $ref: type("Node"), plain: true },
      },
      models: {
        type: "array",
        plain: true,
        items: { type: "string", plain: true },
        optional: true,
      },
      image: { type: "string", optional: true },
      ollama: { $ref: type("OllamaSettings"), plain: true, optional: true },
      access: { $ref: type("NodeAccess"), plain: true, optional: true },
      balancer: { $ref: type("Balancer"), plain: true, optional: true },
      rollout: { $ref: type("Rollout"), plain: true, optional: true },
      monitoring: { $ref: type("Monitoring"), plain: true, optional: true },
    });
    expect(mesh().requiredInputs).toEqual(["nodes"]);
  });

  test("gives endpoint, endpoints, nodes, curl and monitoring, and no private field", () => {
    const shapes = Object.entries(mesh().properties!).map(([key, { description: _, ...rest }]) => [
      key,
      rest,
    ]);
    expect(Object.fromEntries(shapes)).toEqual({
      endpoint: { type: "string" },
      endpoints: { type: "array", items: { type: "string" } },
      nodes: { type: "array", items: { $ref: type("NodeStatus") } },
      curl: { type: "string" },
      monitoring: { $ref: type("MonitoringStatus"), optional: true },
    });
    expect(mesh().required?.toSorted()).toEqual(["curl", "endpoint", "endpoints", "nodes"]);
  });
});

describe("types", () => {
  /** What the arguments are declared with: interfaces, and the values to choose from. */
  const names = ["node-args.ts", "balancer-args.ts", "mesh-args.ts"].flatMap((file) => {
    const source = readFileSync(join(ROOT, "config", file), "utf8");
    return [...source.matchAll(/^export (?:interface|const) (\w+)/gm)].map(([, name]) => name!);
  });

  test("are all to be had by a program in TypeScript, too", () => {
    const entry = readFileSync(join(ROOT, "components/index.ts"), "utf8");
    const exported = new Set(entry.match(/\w+/g));
    expect(names.filter((name) => !exported.has(name))).toEqual([]);
  });

  test("are the interfaces and choices of the arguments, without the Args that each language adds", () => {
    const expected = names
      .filter((name) => name !== "OllamaMeshArgs")
      .map((name) => `ollama-mesh:index:${name.replace(/Args$/, "")}`);
    expect(Object.keys(schema.types).toSorted()).toEqual(expected.toSorted());
  });

  test("enums have the values that the config takes", () => {
    const values = (name: string) =>
      schema.types[`ollama-mesh:index:${name}`]!.enum?.map(({ value }) => value).toSorted();
    expect(values("Algorithm")).toEqual(Object.values(components.Algorithm).toSorted());
    expect(values("GpuVendor")).toEqual(Object.values(components.GpuVendor).toSorted());
    expect(values("RetryProfile")).toEqual(Object.values(components.RetryProfile).toSorted());
    expect(values("RouteSet")).toEqual(Object.values(components.RouteSet).toSorted());
  });

  test("secret and late values are possible exactly where the components take them", () => {
    const late = Object.entries(schema.types).flatMap(([token, { properties = {} }]) =>
      Object.entries(properties)
        .filter(([, property]) => !(property.additionalProperties ?? property).plain)
        .map(([key]) => `${token.split(":")[2]}.${key}`),
    );
    expect(late.toSorted()).toEqual([
      "ApiKey.key",
      "Balancer.image",
      "Log.options",
      "Monitoring.webhook",
      "MonitoringStatus.grafanaPassword",
      "MonitoringStatus.grafanaUrl",
      "MonitoringStatus.prometheusUrl",
      "Node.address",
      "Node.apiKey",
      "Node.image",
      "NodeStatus.address",
      "NodeStatus.name",
      "NodeStatus.state",
      "NodeTls.caCertificate",
      "OllamaSettings.caCertificate",
      "OllamaSettings.environment",
      "Service.environment",
      "Tls.certificate",
      "Tls.key",
    ]);
  });

  /** Every property, as "Type.key". */
  const where = (matches: (property: Property) => boolean) =>
    Object.entries(schema.types).flatMap(([token, { properties = {} }]) =>
      Object.entries(properties)
        .filter(([, property]) => matches(property))
        .map(([key]) => `${token.split(":")[2]}.${key}`),
    );

  test("keys are secret", () => {
    expect(where(({ secret }) => secret === true)).toEqual([
      "Node.apiKey",
      "Tls.key",
      "ApiKey.key",
      "Monitoring.webhook",
      "MonitoringStatus.grafanaPassword",
    ]);
  });

  test("numbers are whole, but those that need not be", () => {
    expect(where(({ type }) => type === "number")).toEqual(["Node.cpus", "Rollout.minimumFreeGib"]);
    expect(where(({ type }) => type === "integer")).toContain("Node.weight");
  });
});

test("nothing is Any, and nothing refers to what is not there", () => {
  const refs = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref!);
  const there = Object.keys(schema.types).map((token) => `#/types/${token}`);
  expect(refs.length).toBeGreaterThan(0);
  expect(refs.filter((ref) => !there.includes(ref))).toEqual([]);
});

test("every property says what it is, in plain text, and so does the component", () => {
  expect(schema.resources[TOKEN]?.description).toMatch(
    /^One endpoint for a fleet of Ollama servers/,
  );
  const all = [
    ...Object.entries(schema.types).map(([token, { properties }]) => [token, properties] as const),
    ["inputs", schema.resources[TOKEN]!.inputProperties] as const,
    ["outputs", schema.resources[TOKEN]!.properties] as const,
  ];
  const mute = all.flatMap(([owner, properties = {}]) =>
    Object.entries(properties)
      .filter(([, { description }]) => !/^\S.{9,}/.test(description ?? ""))
      .map(([key]) => `${owner}.${key}`),
  );
  expect(mute).toEqual([]);
  // Editors and the registry read Markdown: <mesh> would be an element of HTML, and not be seen.
  const shown = all.flatMap(([, properties = {}]) =>
    Object.values(properties).map(({ description = "" }) => description.replaceAll(/`[^`]+`/g, "")),
  );
  expect(shown.filter((description) => description.includes("<"))).toEqual([]);
  expect(text).not.toContain("[object Object]");
  expect(text).not.toContain("{@");
});
