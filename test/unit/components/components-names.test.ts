// Under Pulumi's mocks: names and options of resources, and mistakes.
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";

import { OllamaMesh, type OllamaMeshArgs } from "../../../components/index.ts";
import { BuildError, record } from "../../support/mocks.ts";
import { CONTAINER, MESH, build, named } from "../../support/recorded-mesh.ts";

describe("names", () => {
  test("of nodes that look like the mesh's own resources never clash", async () => {
    const tricky = [
      "local",
      "one",
      "one-turn",
      "one-ready",
      "models",
      "network",
      "config",
      "local-models",
      "balancer-config",
      "balancer-serving",
    ];
    const { resources } = await build({ nodes: tricky.map((name) => ({ name })) });
    const urns = resources.map(({ urn }) => urn);
    expect(new Set(urns).size).toBe(urns.length);
    const names = resources
      .filter(({ type }) => type === CONTAINER)
      .map(({ inputs }) => String(inputs["name"]));
    expect(new Set(names).size).toBe(names.length);
  });

  test("two meshes stand in one program", async () => {
    const { resources } = await record(() => [
      new OllamaMesh("lab", { nodes: [{ name: "one" }] }),
      new OllamaMesh("prod", { nodes: [{ name: "one" }], balancer: { listen: { port: 11_435 } } }),
    ]);
    const urns = resources.map(({ urn }) => urn);
    expect(new Set(urns).size).toBe(urns.length);
    expect(resources.filter(({ type }) => type === MESH).map(({ name }) => name)).toEqual([
      "lab",
      "prod",
    ]);
  });
});

describe("options of the mesh", () => {
  test("a provider option or protect reaches its children", async () => {
    const { resources } = await record(
      () => new OllamaMesh("lab", { nodes: [{ name: "one" }] }, { protect: true }),
    );
    expect(resources.filter(({ options }) => !options.protect)).toEqual([]);
  });
});

describe("mistakes", () => {
  /** The error of a build, and what was registered all the same. */
  async function refusal(args: unknown, name = "lab") {
    const error = await build(args as OllamaMeshArgs, name).catch((caught: unknown) => caught);
    if (!(error instanceof BuildError)) throw new Error("the build did not fail");
    return error;
  }

  test("are one ResourceError on the mesh, without a stack, and nothing else is registered", async () => {
    const error = await refusal({
      nodes: [
        { name: "one", port: 0 },
        { name: "one", gpuz: 1 },
      ],
    });
    expect(error.cause).toBeInstanceOf(pulumi.ResourceError);
    expect((error.cause as pulumi.ResourceError).hideStack).toBe(true);
    expect(error.message).toBe(
      [
        "ollama-mesh: 2 problems in the configuration",
        "  nodes[0].port  must be a whole number, 1-65535, got 0",
        '  nodes[1].gpuz  is not a setting; did you mean "gpus"?',
      ].join("\n"),
    );
    expect(named(error.resources)).toEqual(["OllamaMesh lab"]);
  });

  test("in the mesh's name are told like any other", async () => {
    const { message, resources } = await refusal({ nodes: [{ name: "one" }] }, "Lab_1");
    expect(message).toBe(
      'ollama-mesh: 1 problem in the configuration\n  name of the mesh  must be lower-case letters, digits and "-", up to 40, since Docker names begin with it, got "Lab_1"; it is what the program calls its OllamaMesh, often <project>-<stack>',
    );
    expect(named(resources)).toEqual(["OllamaMesh Lab_1"]);
  });

  test.each<[string, (late: pulumi.Output<never>) => unknown, string]>([
    ["nodes", (late) => ({ nodes: late }), "nodes"],
    ["a node", (late) => ({ nodes: [late] }), "nodes[0]"],
    ["a node's name", (late) => ({ nodes: [{ name: late }] }), "nodes[0].name"],
    ["a node's host", (late) => ({ nodes: [{ name: "a", host: late }] }), "nodes[0].host"],
    ["a port", (late) => ({ nodes: [{ name: "a", port: late }] }), "nodes[0].port"],
    ["a model", (late) => ({ nodes: [{ name: "a" }], models: [late] }), "models[0]"],
    ["all models", (late) => ({ nodes: [{ name: "a" }], models: late }), "models"],
    [
      "a listen address",
      (late) => ({ nodes: [{ name: "a" }], balancer: { listen: { address: late } } }),
      "balancer.listen.address",
    ],
    [
      "an environment as a whole",
      (late) => ({ nodes: [{ name: "a", ollama: { environment: late } }] }),
      "nodes[0].ollama.environment",
    ],
  ])("an Output as %s is refused, since it decides what exists", async (_, args, path) => {
    const { message, resources } = await refusal(args(pulumi.output("x") as pulumi.Output<never>));
    expect(message).toBe(
      `ollama-mesh: 1 problem in the configuration\n  ${path}  must be a plain value, not another resource's output: it decides which resources exist`,
    );
    expect(named(resources)).toEqual(["OllamaMesh lab"]);
  });
});
