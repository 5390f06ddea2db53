// Under Pulumi's mocks: nodes on other engines than the balancer's.
import { beforeAll, describe, expect, test } from "vitest";

import type { OllamaMesh, OllamaMeshArgs } from "../../../components/index.ts";
import { one, stepInput, valueOf, type Registered } from "../../support/mocks.ts";
import {
  COMMAND,
  CONTAINER,
  VOLUME,
  NETWORK,
  PROVIDER,
  MESH,
  HOST,
  LOCAL,
  build,
  named,
  UNDIVERTED,
  short,
  waits,
  command,
  withoutStdin,
  place,
} from "../../support/recorded-mesh.ts";
import { MESH_NETWORK } from "../../support/mesh-network.ts";

describe("a mesh of nodes on other engines, its balancer on a third", () => {
  const [gpu1, gpu2, lb] = ["ssh://admin@gpu1.lan", "ssh://admin@gpu2.lan", "ssh://admin@lb.lan"];
  const args: OllamaMeshArgs = {
    nodes: [
      { name: "one", host: gpu1, port: 11_500 },
      { name: "two", host: gpu2, address: "10.8.0.12" },
    ],
    balancer: { host: lb, listen: { address: "0.0.0.0", port: 80 } },
  };
  const KEYS = { gpu1: "gpu1-lan-d4ea23", gpu2: "gpu2-lan-884662", lb: "lb-lan-36527e" };
  let resources: Registered[];
  let mesh: OllamaMesh;

  beforeAll(async () => {
    ({ resources, result: mesh } = await build(args));
  });

  test("has a host per engine, named after it; the balancer's holds no models", () => {
    const own = (key: string) =>
      named(resources.filter(({ parent }) => parent === `${HOST} lab-${key}`));
    const full = (key: string) => [
      `Command lab-${key}-images`,
      `Command lab-${key}-models`,
      `Command lab-${key}-preflight`,
      `Volume lab-${key}-models`,
      `docker lab-${key}`,
    ];
    expect(named(resources.filter(({ type }) => type === HOST))).toEqual(
      Object.values(KEYS)
        .map((key) => `GpuHost lab-${key}`)
        .toSorted(),
    );
    expect(own(KEYS.gpu1)).toEqual(full(KEYS.gpu1));
    expect(own(KEYS.gpu2)).toEqual(full(KEYS.gpu2));
    expect(own(KEYS.lb)).toEqual([`Command lab-${KEYS.lb}-preflight`, `docker lab-${KEYS.lb}`]);
  });

  test("each resource goes to its own engine", () => {
    const providers = Object.fromEntries(
      resources
        .filter(({ type }) => type.startsWith("docker:"))
        .map(({ type, name, provider }) => [`${short(type)} ${name}`, provider]),
    );
    expect(providers).toEqual({
      "Container lab-balancer": `${PROVIDER} lab-${KEYS.lb}`,
      "Container lab-balancer-nginx": `${PROVIDER} lab-${KEYS.lb}`,
      "Network lab-balancer-network": `${PROVIDER} lab-${KEYS.lb}`,
      "Volume lab-balancer-config": `${PROVIDER} lab-${KEYS.lb}`,
      "Container lab-one": `${PROVIDER} lab-${KEYS.gpu1}`,
      [`Volume lab-${KEYS.gpu1}-models`]: `${PROVIDER} lab-${KEYS.gpu1}`,
      "Container lab-two": `${PROVIDER} lab-${KEYS.gpu2}`,
      [`Volume lab-${KEYS.gpu2}-models`]: `${PROVIDER} lab-${KEYS.gpu2}`,
    });
    // The mocks get lists of a provider as JSON.
    const sshOpts = JSON.stringify(
      [
        "BatchMode=yes",
        "ConnectTimeout=10",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
      ].flatMap((option) => ["-o", option]),
    );
    for (const [key, host] of [
      [KEYS.gpu1, gpu1],
      [KEYS.lb, lb],
    ] as const) {
      const { inputs } = one(resources, PROVIDER, `lab-${key}`);
      expect(inputs).toEqual({ host, ...UNDIVERTED, sshOpts });
    }
  });

  test("what is on an engine is replaced when it is to be on another one", () => {
    const trigger = (type: string, name: string) =>
      one(resources, type, name).options.replacementTrigger;
    expect(trigger(CONTAINER, "lab-one")).toBe(KEYS.gpu1);
    expect(trigger(CONTAINER, "lab-two")).toBe(KEYS.gpu2);
    expect(JSON.parse(String(trigger(CONTAINER, "lab-balancer")))[0]).toBe(KEYS.lb);
    expect(trigger(CONTAINER, "lab-balancer-nginx")).toBe(KEYS.lb);
    expect(trigger(COMMAND, "lab-balancer-kernel")).toBe(KEYS.lb);
    expect(trigger(NETWORK, "lab-balancer-network")).toBe(KEYS.lb);
    expect(trigger(VOLUME, "lab-balancer-config")).toBe(KEYS.lb);
  });

  test("all hosts are looked at together before one of them is asked, and each by its needs", () => {
    const hosts = one(resources, COMMAND, "lab-hosts");
    expect(hosts.parent).toBe(`${MESH} lab`);
    expect(waits(resources, COMMAND, "lab-hosts")).toEqual([]);
    expect(withoutStdin(hosts)).toEqual({ ...command("hosts"), addPreviousOutputInEnv: true });
    const needs = (endpoint: string, more: object) => ({
      endpoint,
      nvidia: false,
      amd: false,
      mesh: "lab",
      for: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      ...more,
    });
    const models = { volume: "lab-models", minimumFreeGiB: 2 };
    expect(stepInput(hosts)).toEqual({
      hosts: [
        needs(gpu1, { nodes: ["one"], ports: [{ ip: "0.0.0.0", port: 11_500 }], ...models }),
        needs(gpu2, { nodes: ["two"], ports: [{ ip: "10.8.0.12", port: 11_434 }], ...models }),
        needs(lb, {
          nodes: [],
          ports: [],
          network: { name: "lab-network", subnet: MESH_NETWORK.subnet },
        }),
      ],
    });
    for (const key of Object.values(KEYS)) {
      expect(waits(resources, COMMAND, `lab-${key}-preflight`)).toEqual(["Command lab-hosts"]);
    }
  });

  test("nodes on other engines must be within the balancer's reach before they are touched", () => {
    const reach = one(resources, COMMAND, "lab-balancer-reach");
    expect(withoutStdin(reach)).toEqual({ ...command("reach"), addPreviousOutputInEnv: true });
    expect(stepInput(reach)).toEqual({
      balancer: { ...place, endpoint: lb },
      image: "nginx:1.30.6",
      nodes: [
        { node: "one", address: "gpu1.lan", port: 11_500 },
        { node: "two", address: "10.8.0.12", port: 11_434 },
      ],
    });
    expect(waits(resources, COMMAND, "lab-balancer-reach")).toEqual([
      "Command lab-balancer-image",
      "Network lab-balancer-network",
    ]);
    expect(waits(resources, COMMAND, "lab-one-turn")).toContain("Command lab-balancer-reach");
  });

  test("no node is touched before all hosts are prepared, the balancer's included", () => {
    const hosts = waits(resources, COMMAND, "lab-one-turn").filter((each) => /-lan-/.test(each));
    expect(hosts).toEqual(
      [
        ...[KEYS.gpu1, KEYS.gpu2].flatMap((key) => [
          `Command lab-${key}-images`,
          `Command lab-${key}-models`,
          `Command lab-${key}-preflight`,
          `Volume lab-${key}-models`,
        ]),
        `Command lab-${KEYS.lb}-preflight`,
      ].toSorted(),
    );
  });

  test("a node is published on its host and in no mesh network", () => {
    const { inputs } = one(resources, CONTAINER, "lab-one");
    expect(inputs["ports"]).toEqual([{ ip: "0.0.0.0", external: 11_500, internal: 11_434 }]);
    expect(inputs).not.toHaveProperty("networksAdvanced");
    expect(one(resources, CONTAINER, "lab-two").inputs["ports"]).toEqual([
      { ip: "10.8.0.12", external: 11_434, internal: 11_434 },
    ]);
  });

  test("readiness is looked at on the node's engine, traffic is given on the balancer's", () => {
    const there = { ...place, endpoint: lb };
    const ready = stepInput(one(resources, COMMAND, "lab-one-ready"));
    expect([ready["endpoint"], ready["balancer"], ready["address"], ready["port"]]).toEqual([
      gpu1,
      there,
      "gpu1.lan",
      11_500,
    ]);
    expect(stepInput(one(resources, COMMAND, "lab-one-admission"))).toEqual({
      balancer: there,
      node: "one",
      address: "gpu1.lan",
      port: 11_500,
      line: "server gpu1.lan:11500 weight=1 max_fails=10 fail_timeout=2s;",
      routed: { kind: "ollama", places: 2 },
      healthPath: "/api/version",
      drainTimeoutSeconds: 600,
      engine: gpu1,
    });
  });

  test("its endpoint is the balancer's host", async () => {
    expect(await valueOf(mesh.endpoint)).toBe("http://lb.lan:80");
    expect(await valueOf(mesh.nodes)).toEqual([
      { name: "one", address: "gpu1.lan:11500", state: "active" },
      { name: "two", address: "10.8.0.12:11434", state: "active" },
    ]);
  });
});

describe("hosts that share models", () => {
  test("each knows where the others' models are: at the address of a published node", async () => {
    const { resources } = await build({
      nodes: [
        { name: "one" },
        { name: "two", host: "ssh://ops@gpu1.lan", address: "10.8.0.11" },
        { name: "three", host: "ssh://gpu2.lan" },
      ],
      models: ["tiny"],
    });
    const place = (endpoint: string, address?: string) => ({
      endpoint,
      volume: "lab-models",
      image: "ollama/ollama:0.32.15",
      ...(address ? { address } : {}),
    });
    const models = resources.filter(({ name }) => /^lab-(local|gpu\d-lan-\w+)-models$/.test(name));
    const peers = models
      .filter(({ type }) => type === COMMAND)
      .map((each) => [stepInput(each)["endpoint"], stepInput(each)["peers"]] as const);
    const [local, first, second] = [
      place(LOCAL),
      place("ssh://ops@gpu1.lan", "10.8.0.11"),
      place("ssh://gpu2.lan", "gpu2.lan"),
    ];
    expect(Object.fromEntries(peers)).toEqual({
      [local.endpoint]: [first, second],
      [first.endpoint]: [local, second],
      [second.endpoint]: [local, first],
    });
  });
});
