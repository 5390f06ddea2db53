// Under Pulumi's mocks: what waits for what in a change, and what a change touches.
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";

import type { OllamaMeshArgs } from "../../../components/index.ts";
import { one, stepInput, valueOf, type Registered } from "../../support/mocks.ts";
import { COMMAND, CONTAINER, PROVIDER, build, named, waits } from "../../support/recorded-mesh.ts";

describe("maxUnavailable 2", () => {
  test("rolls two at a time: each pair waits for the admissions of the pair before", async () => {
    const { resources } = await build({
      nodes: ["a", "b", "c", "d", "e"].map((name) => ({ name })),
      rollout: { maxUnavailable: 2 },
    });
    const admissions = (name: string) =>
      waits(resources, COMMAND, `lab-${name}-turn`).filter((each) => each.endsWith("-admission"));
    expect(
      Object.fromEntries(["a", "b", "c", "d", "e"].map((name) => [name, admissions(name)])),
    ).toEqual({
      a: [],
      b: [],
      c: ["Command lab-a-admission", "Command lab-b-admission"],
      d: ["Command lab-a-admission", "Command lab-b-admission"],
      e: ["Command lab-c-admission", "Command lab-d-admission"],
    });
    expect(stepInput(one(resources, COMMAND, "lab-a-turn"))["maxUnavailable"]).toBe(2);
  });
});

describe("maintenance", () => {
  test("the node is not asked for anything, and its line says down", async () => {
    const { resources } = await build({ nodes: [{ name: "one", maintenance: true }] });
    expect(stepInput(one(resources, COMMAND, "lab-one-ready"))["maintenance"]).toBe(true);
    const admission = stepInput(one(resources, COMMAND, "lab-one-admission"));
    expect(admission).not.toHaveProperty("healthPath");
    expect(admission["line"]).toMatch(/ down;$/);
  });
});

describe("offline", () => {
  const host = "ssh://gpu1.lan";
  const off = { host, offline: true };
  const args: OllamaMeshArgs = {
    nodes: [
      { name: "one" },
      { name: "two", ...off },
      { name: "three", port: 11_500, ...off },
      { name: "vllm", managed: false, address: "10.0.0.9", offline: true },
    ],
  };

  test("everything on the host is left as it is and forgotten without contact, and nothing else", async () => {
    const { resources } = await build(args);
    const frozen = resources.filter(({ options }) => options.ignoreChanges?.includes("*"));
    expect(named(frozen)).toEqual([
      "Command lab-gpu1-lan-75e3c7-images",
      "Command lab-gpu1-lan-75e3c7-models",
      "Command lab-gpu1-lan-75e3c7-preflight",
      "Command lab-three-ready",
      "Command lab-two-ready",
      "Container lab-three",
      "Container lab-two",
      "Volume lab-gpu1-lan-75e3c7-models",
      "docker lab-gpu1-lan-75e3c7",
    ]);
    expect(frozen.filter(({ options }) => !options.retainOnDelete)).toEqual([]);
  });

  test("turn and admission, which are the balancer's, are told of it; no other node waits for them", async () => {
    const { resources } = await build(args);
    for (const name of ["lab-two-turn", "lab-two-admission", "lab-vllm-admission"]) {
      expect(stepInput(one(resources, COMMAND, name))["offline"], name).toBe(true);
    }
    expect(stepInput(one(resources, COMMAND, "lab-one-admission"))).not.toHaveProperty("offline");
    const admissions = waits(resources, COMMAND, "lab-one-turn").filter((each) =>
      each.endsWith("-admission"),
    );
    expect(admissions).toEqual([]);
  });

  test("the look at all hosts stays, and says which are off: doctor, status and restart go by it", async () => {
    const { resources } = await build(args);
    const { hosts, offline } = stepInput(one(resources, COMMAND, "lab-hosts")) as {
      hosts: { endpoint: string }[];
      offline: string[];
    };
    expect(hosts.map(({ endpoint }) => endpoint)).toEqual(["unix:///var/run/docker.sock"]);
    expect(offline).toEqual([host]);
  });

  test("what an offline node is made of may change without a change of its turn", async () => {
    const turn = async (image: string) => {
      const nodes = args.nodes.map((node) => (node.name === "two" ? { ...node, image } : node));
      return one((await build({ nodes })).resources, COMMAND, "lab-two-turn").inputs;
    };
    expect(await turn("a:1")).toEqual(await turn("b:2"));
  });

  test("is the node's state", async () => {
    const { result } = await build(args);
    const states = (await valueOf(result.nodes)).map(({ state }) => state);
    expect(states).toEqual(["active", "offline", "offline", "offline"]);
  });
});

describe("what a change touches", () => {
  /** Resources whose inputs differ, or that only one of two meshes has. */
  const changed = async (before: OllamaMeshArgs, after: OllamaMeshArgs) => {
    const [one, two] = [(await build(before)).resources, (await build(after)).resources];
    const byUrn = (all: Registered[]) =>
      new Map(all.map(({ urn, inputs }) => [urn, JSON.stringify(inputs)]));
    const [old, now] = [byUrn(one), byUrn(two)];
    const differing = [...one, ...two].filter(({ urn }) => old.get(urn) !== now.get(urn));
    return [...new Set(named(differing))];
  };
  const nodes = [{ name: "one" }, { name: "two" }];

  test("a weight, a backup: one admission", async () => {
    expect(
      await changed({ nodes }, { nodes: [{ name: "one", weight: 5 }, { name: "two" }] }),
    ).toEqual(["Command lab-one-admission"]);
  });

  test("maintenance: that node's gate and admission", async () => {
    expect(
      await changed({ nodes }, { nodes: [{ name: "one", maintenance: true }, { name: "two" }] }),
    ).toEqual(["Command lab-one-admission", "Command lab-one-ready"]);
  });

  test("the order of nodes: nothing", async () => {
    expect(await changed({ nodes }, { nodes: nodes.toReversed() })).toEqual([]);
  });

  test("a further node: its own resources and a new look at the host", async () => {
    expect(await changed({ nodes }, { nodes: [...nodes, { name: "three" }] })).toEqual([
      "Command lab-local-preflight",
      "Command lab-three-admission",
      "Command lab-three-ready",
      "Command lab-three-turn",
      "Container lab-three",
      "OllamaNode lab-three",
    ]);
  });

  test("a node's setting: its turn and container, a new look at the host", async () => {
    const after = [{ name: "one", ollama: { numParallel: 4 } }, { name: "two" }];
    expect(await changed({ nodes }, { nodes: after })).toEqual([
      "Command lab-local-preflight",
      "Command lab-one-admission",
      "Command lab-one-turn",
      "Container lab-one",
    ]);
  });

  test("a value of the environment: the same, or a dead host would be met in the middle", async () => {
    const of = (value: string): OllamaMeshArgs => ({
      nodes: [
        { name: "one", ollama: { environment: { A: pulumi.output(value) } } },
        { name: "two" },
      ],
    });
    expect(await changed(of("1"), of("2"))).toEqual([
      "Command lab-local-preflight",
      "Command lab-one-turn",
      "Container lab-one",
    ]);
  });

  test("a setting of nginx: its config and no container", async () => {
    expect(await changed({ nodes }, { nodes, balancer: { readTimeoutSeconds: 60 } })).toEqual([
      "Command lab-balancer-config",
    ]);
  });

  test("the method by which nginx counts failures: config none, every admission", async () => {
    expect(await changed({ nodes }, { nodes, balancer: { maxFails: 5 } })).toEqual([
      "Command lab-one-admission",
      "Command lab-two-admission",
    ]);
  });

  test("another host: the container is made there under another provider, and deleted here", async () => {
    const after = [{ name: "one", host: "ssh://gpu1.lan" }, { name: "two" }];
    const { resources } = await build({ nodes: after });
    expect(one(resources, CONTAINER, "lab-one").provider).toBe(`${PROVIDER} lab-gpu1-lan-75e3c7`);
  });
});
