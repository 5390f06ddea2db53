// Under Pulumi's mocks: values that are known later, secrets, and the program of this folder.
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test, vi } from "vitest";

import { OllamaMesh } from "../../../components/index.ts";
import { isSecret, one, record, reveal, secret, stepInput, valueOf } from "../../support/mocks.ts";
import { COMMAND, CONTAINER, MESH, build, named } from "../../support/recorded-mesh.ts";
import { ADDRESS } from "../../support/mesh-network.ts";
import { PLAIN_ENVIRONMENT } from "../../support/plain-node.ts";
import { TEST_CERTIFICATE } from "../../support/test-certificate.ts";

/** A resource whose output a preview does not know. */
class Supplier extends pulumi.CustomResource {
  declare readonly token: pulumi.Output<string>;
  constructor() {
    super("test:index:Supplier", "supplier", { token: undefined });
  }
}

/** How Pulumi writes a value that is not known yet. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

describe("values that other resources supply", () => {
  const late = <T>(value: T) => pulumi.output(Promise.resolve(value));

  test("an image and an address arrive where they belong", async () => {
    const { resources, result } = await build({
      nodes: [
        { name: "one", image: late("own:1") },
        { name: "two" },
        { name: "vllm", managed: false, address: late("10.0.0.9") },
        { name: "far", host: "ssh://gpu1.lan", address: late("10.8.0.11") },
      ],
      image: late("all:2"),
      balancer: { image: late("nginx:late") },
    });
    const image = (name: string) => one(resources, CONTAINER, name).inputs["image"];
    expect(["lab-one", "lab-two", "lab-balancer"].map(image)).toEqual([
      "own:1",
      "all:2",
      "nginx:late",
    ]);
    expect(stepInput(one(resources, COMMAND, "lab-local-images"))["images"]).toEqual([
      "all:2",
      "own:1",
    ]);
    expect(stepInput(one(resources, COMMAND, "lab-vllm-admission"))["line"]).toBe(
      "server 10.0.0.9:11434 weight=1 max_fails=10 fail_timeout=2s;",
    );
    expect(one(resources, CONTAINER, "lab-far").inputs["ports"]).toEqual([
      { ip: "10.8.0.11", external: 11_434, internal: 11_434 },
    ]);
    expect((await valueOf(result.nodes)).map(({ address }) => address)).toEqual([
      `${ADDRESS.one}:11434`,
      `${ADDRESS.two}:11434`,
      "10.0.0.9:11434",
      "10.8.0.11:11434",
    ]);
    expect(JSON.stringify(resources.map(({ inputs }) => inputs))).not.toMatch(/known.later/);
  });

  test("a promise is as good as an Output", async () => {
    const { resources } = await build({
      nodes: [{ name: "one", image: Promise.resolve("own:1") }],
    });
    expect(one(resources, CONTAINER, "lab-one").inputs["image"]).toBe("own:1");
  });

  test("an environment value arrives in the container alone", async () => {
    const { resources } = await build({
      nodes: [{ name: "one", ollama: { environment: { TOKEN: late("hello-from-afar") } } }],
    });
    expect(one(resources, CONTAINER, "lab-one").inputs["envs"]).toContain("TOKEN=hello-from-afar");
    const holders = resources.filter(({ inputs }) =>
      JSON.stringify(inputs).includes("hello-from-afar"),
    );
    expect(named(holders)).toEqual(["Container lab-one"]);
  });

  test("in a preview what is not known yet stays unknown, and everything else is shown", async () => {
    const { resources } = await record(
      () =>
        new OllamaMesh("lab", {
          nodes: [{ name: "one", ollama: { environment: { TOKEN: new Supplier().token } } }],
        }),
      { preview: true },
    );
    const { inputs } = one(resources, CONTAINER, "lab-one");
    expect([inputs["name"], inputs["image"]]).toEqual(["lab-one", "ollama/ollama:0.32.15"]);
    expect(inputs["envs"]).toBe(UNKNOWN);
  });
});

// As a program in JavaScript has it where a variable is not set.
test("a setting that is undefined is one that was left out, in containers and downloads too", async () => {
  const caCertificate = TEST_CERTIFICATE;
  const unset = { keepAlive: undefined, numParallel: undefined, caCertificate: undefined };
  const { resources } = await build({
    ollama: { keepAlive: "1h", caCertificate, environment: { A: undefined } },
    nodes: [
      { name: "one", ollama: { ...unset, environment: { B: undefined } } },
      { name: "own", image: "own:1", service: { port: 80, environment: { C: undefined } } },
    ],
  } as never);
  const envs = (name: string) => one(resources, CONTAINER, name).inputs["envs"];
  expect(envs("lab-one")).toEqual(
    PLAIN_ENVIRONMENT.map((each) => each.replace("KEEP_ALIVE=24h", "KEEP_ALIVE=1h")),
  );
  expect(envs("lab-own")).toEqual(["NVIDIA_VISIBLE_DEVICES=void"]);
  const { pulls } = stepInput(one(resources, COMMAND, "lab-local-models"));
  expect(pulls).toEqual({ caCertificate });
});

describe("secrets", () => {
  const value = "hunter2-in-the-environment";

  test("a secret environment value is secret in its container, and in no plain input anywhere", async () => {
    const { resources } = await build({
      nodes: [
        { name: "one", ollama: { environment: { TOKEN: pulumi.secret(value) } } },
        { name: "two" },
      ],
    });
    const { inputs } = one(resources, CONTAINER, "lab-one");
    expect(inputs["envs"]).toEqual(secret([...PLAIN_ENVIRONMENT, `TOKEN=${value}`]));
    const hidden = resources.flatMap(({ name, inputs }) =>
      Object.entries(inputs)
        .filter(([, input]) => isSecret(input))
        .map(([key]) => `${name}.${key}`),
    );
    // The turn's hash is made of it.
    expect(hidden.toSorted()).toEqual([
      "lab-local-preflight.stdin",
      "lab-one-turn.stdin",
      "lab-one.envs",
    ]);
    const holders = resources.flatMap(({ name, inputs }) =>
      Object.entries(inputs)
        .filter(([, input]) => JSON.stringify(reveal(input)).includes(value))
        .map(([key]) => `${name}.${key}`),
    );
    expect(holders).toEqual(["lab-one.envs"]);
  });

  test("one of the whole mesh is secret in every node's container", async () => {
    const { resources } = await build({
      nodes: [{ name: "one" }, { name: "two" }],
      ollama: { environment: { TOKEN: pulumi.secret(value) } },
    });
    for (const name of ["lab-one", "lab-two"]) {
      expect(isSecret(one(resources, CONTAINER, name).inputs["envs"])).toBe(true);
    }
  });
});

describe("the program of this folder", () => {
  const config = {
    "ollama-mesh:nodes": JSON.stringify(["one", { name: "two", weight: 2 }]),
    "ollama-mesh:models": "[]",
    "ollama-mesh:image": "",
    "ollama-mesh:ollama": JSON.stringify({ environment: { TOKEN: "hunter2-in-the-config" } }),
    "ollama-mesh:balancer": "{}",
    "ollama-mesh:rollout": "{}",
  };
  const run = (secretKeys: string[] = [], changed: Record<string, string> = {}) => {
    vi.resetModules();
    const program = async () => (await import("../../../index.ts")).default;
    return record(program, { stack: "lab", config: { ...config, ...changed }, secretKeys });
  };

  test("is a mesh named after project and stack, its outputs those of the stack", async () => {
    const { resources, result } = await run();
    expect(resources.filter(({ type }) => type === MESH).map(({ name }) => name)).toEqual([
      "ollama-mesh-lab",
    ]);
    expect(Object.keys(result).toSorted()).toEqual(["curl", "endpoint", "endpoints", "nodes"]);
    expect((await valueOf(result.nodes)).map(({ name }) => name)).toEqual(["one", "two"]);
  });

  test("what is secret in the stack's config stays secret in the state", async () => {
    const { resources } = await run(["ollama-mesh:ollama"]);
    const plain = resources.filter(({ inputs }) =>
      Object.values(inputs).some(
        (input) => !isSecret(input) && JSON.stringify(input).includes("hunter2-in-the-config"),
      ),
    );
    expect(named(plain)).toEqual([]);
  });

  /** What is said of a stack file with these keys in the place of, or beside, those above. */
  const said = (changed: Record<string, string>) =>
    run([], changed).then(
      () => "nothing",
      (error: Error) => error.message,
    );

  test("names keys that are no settings, with what was probably meant, and never their values", async () => {
    const wrong = {
      "ollama-mesh:acess": "balancerOnly",
      "ollama-mesh:model": '["hunter2"]',
      "ollama-mesh:balancer.maxBodyMib": "12",
    };
    expect(await said(wrong)).toBe(
      [
        "ollama-mesh: 3 problems in the configuration",
        '  ["balancer.maxBodyMib"]  is not a setting; one inside another needs pulumi config set --path',
        '  acess                    is not a setting; did you mean "access"?',
        '  model                    is not a setting; did you mean "models"?',
      ].join("\n"),
    );
  });

  test("leaves keys of other programs and of Pulumi's providers alone", async () => {
    expect(await said({ "docker:host": "unix:///x.sock", "ollama-mesh-2:nodes": "[]" })).toBe(
      "nothing",
    );
  });

  test("tells what is no list of nodes, or no monitoring, as any other mistake", async () => {
    expect(await said({ "ollama-mesh:nodes": "red", "ollama-mesh:monitoring": "yes" })).toBe(
      [
        "ollama-mesh: 2 problems in the configuration",
        '  monitoring  must be an object; {} is enough, got "yes"',
        '  nodes       must be a list of nodes, got "red"',
      ].join("\n"),
    );
  });
});
