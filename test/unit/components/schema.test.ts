// The Pulumi schema inferred from the components: what Python, Go, YAML and the rest see.
import { join } from "node:path";

import {
  ComponentProvider,
  getPulumiComponents,
} from "@pulumi/pulumi/provider/experimental/index.js";
import { format } from "prettier";
import { beforeAll, describe, expect, test } from "vitest";

import * as components from "../../../components/index.ts";

interface Property {
  type?: string;
  $ref?: string;
  description?: string;
  plain?: boolean;
  items?: Property;
  additionalProperties?: Property;
}

interface ObjectType {
  type: string;
  description?: string;
  properties?: Record<string, Property>;
  required?: string[];
  enum?: { name: string; value: string; description?: string }[];
}

interface Schema {
  name: string;
  version: string;
  resources: Record<
    string,
    ObjectType & { inputProperties: Record<string, Property>; requiredInputs: string[] }
  >;
  types: Record<string, ObjectType>;
}

const TOKEN = "ollama-mesh:index:OllamaMesh";
const ROOT = join(import.meta.dirname, "../../..");

let text: string;
let schema: Schema;

beforeAll(async () => {
  const provider = new ComponentProvider({
    components: getPulumiComponents(components),
    dirname: ROOT,
    name: "ollama-mesh",
  });
  text = await provider.getSchema();
  schema = JSON.parse(text) as Schema;
}, 120_000);

test("is this file, as a whole", async () => {
  // The version is package.json's and says nothing about the interface.
  const { version, ...rest } = schema;
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
  const pretty = await format(JSON.stringify(rest), { parser: "json", printWidth: 100 });
  await expect(pretty).toMatchFileSnapshot(join(import.meta.dirname, "schema.json"));
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
        items: { $ref: type("NodeArgs"), plain: true },
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
      balancer: { $ref: type("BalancerArgs"), plain: true, optional: true },
      rollout: { $ref: type("RolloutArgs"), plain: true, optional: true },
    });
    expect(mesh().requiredInputs).toEqual(["nodes"]);
  });

  test("gives endpoint, nodes and curl, and no private field", () => {
    const shapes = Object.entries(mesh().properties!).map(([key, { description: _, ...rest }]) => [
      key,
      rest,
    ]);
    expect(Object.fromEntries(shapes)).toEqual({
      endpoint: { type: "string" },
      nodes: { type: "array", items: { $ref: type("NodeStatus") } },
      curl: { type: "string" },
    });
    expect(mesh().required?.toSorted()).toEqual(["curl", "endpoint", "nodes"]);
  });
});

describe("types", () => {
  test("are these, no more and no fewer", () => {
    expect(Object.keys(schema.types).toSorted()).toEqual(
      [
        "AccessArgs",
        "Algorithm",
        "ApiKeyArgs",
        "BalancerArgs",
        "GpuArgs",
        "GpuVendor",
        "KeepaliveArgs",
        "LimitArgs",
        "ListenArgs",
        "ManagementArgs",
        "MountArgs",
        "NodeAccess",
        "NodeArgs",
        "NodeStatus",
        "NodeTlsArgs",
        "OllamaSettings",
        "RetryArgs",
        "RetryProfile",
        "RolloutArgs",
        "RouteArgs",
        "RouteSet",
        "RoutesArgs",
        "ServiceArgs",
        "StickyArgs",
        "TlsArgs",
      ].map((name) => `ollama-mesh:index:${name}`),
    );
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
      "ApiKeyArgs.key",
      "BalancerArgs.image",
      "NodeArgs.address",
      "NodeArgs.image",
      "NodeStatus.address",
      "NodeStatus.name",
      "NodeStatus.state",
      "NodeTlsArgs.caCertificate",
      "OllamaSettings.environment",
      "ServiceArgs.environment",
      "TlsArgs.certificate",
      "TlsArgs.key",
    ]);
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
  expect(text).not.toContain("[object Object]");
  expect(text).not.toContain("{@");
});
