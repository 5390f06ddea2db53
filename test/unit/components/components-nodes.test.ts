// Under Pulumi's mocks: servers that the mesh does not run, and GPUs.
import { beforeAll, describe, expect, test } from "vitest";

import type { NodeArgs, OllamaMesh } from "../../../components/index.ts";
import { one, stepInput, valueOf, type Registered } from "../../support/mocks.ts";
import {
  COMMAND,
  CONTAINER,
  build,
  named,
  waits,
  command,
  withoutStdin,
  place,
} from "../../support/recorded-mesh.ts";

describe("a mesh of a server that it does not run", () => {
  let resources: Registered[];
  let mesh: OllamaMesh;
  beforeAll(async () => {
    ({ resources, result: mesh } = await build({
      nodes: [{ name: "vllm", managed: false, address: "10.0.0.9", port: 8000 }],
    }));
  });

  test("is the balancer and one admission; nothing of the server is made", () => {
    expect(named(resources)).toEqual([
      "Command lab-balancer-config",
      "Command lab-balancer-image",
      "Command lab-balancer-joined",
      "Command lab-balancer-kernel",
      "Command lab-balancer-ports",
      "Command lab-balancer-serving",
      "Command lab-local-preflight",
      "Command lab-vllm-admission",
      "Container lab-balancer",
      "Container lab-balancer-nginx",
      "GpuHost lab-local",
      "LoadBalancer lab-balancer",
      "Network lab-balancer-network",
      "OllamaMesh lab",
      "OllamaNode lab-vllm",
      "Volume lab-balancer-config",
      "docker lab-local",
    ]);
  });

  test("the admission asks for any answer, after the balancer serves, and is never replaced", () => {
    const admission = one(resources, COMMAND, "lab-vllm-admission");
    expect(withoutStdin(admission)).toEqual(command("admit", { update: "amend", delete: "drain" }));
    expect(stepInput(admission)).toEqual({
      balancer: place,
      node: "vllm",
      address: "10.0.0.9",
      port: 8000,
      line: "server 10.0.0.9:8000 weight=1 max_fails=10 fail_timeout=2s;",
      routed: { kind: "ollama", url: "http://10.0.0.9:8000" },
      healthPath: "/",
      drainTimeoutSeconds: 600,
    });
    expect(waits(resources, COMMAND, "lab-vllm-admission")).toEqual([
      "Command lab-balancer-config",
      "Command lab-balancer-image",
      "Command lab-balancer-joined",
      "Command lab-balancer-kernel",
      "Command lab-balancer-ports",
      "Command lab-balancer-serving",
      "Container lab-balancer",
      "Container lab-balancer-nginx",
      "Network lab-balancer-network",
      "Volume lab-balancer-config",
    ]);
  });

  test("its example call leaves the model open, which the mesh does not know", async () => {
    expect(await valueOf(mesh.curl)).toContain('"model":"MODEL"');
  });
});

describe("the example call of a mesh with pools", () => {
  const POOLS = [
    { name: "p", path: "/p" },
    { name: "q", host: "q.example.org" },
  ];
  const callOf = async (...nodes: NodeArgs[]) => {
    const used = POOLS.filter(({ name }) => nodes.some(({ pool }) => pool === name));
    const { result } = await build({ nodes, balancer: { pools: used } });
    return (await valueOf(result.curl)).replace(/,"messages".*/, "");
  };
  const p = { name: "a", pool: "p", models: ["mp"] };
  const q = { name: "b", pool: "q", models: ["mq"] };

  test("is answered by the default pool where that has a node, and asks for a model of it", async () => {
    const own = { name: "c", models: ["m"] };
    expect(await callOf(p, own)).toBe(`curl -N http://127.0.0.1:11434/api/chat -d '{"model":"m"`);
    expect(await callOf(p, { name: "c" })).toContain('/api/chat -d \'{"model":"MODEL"');
  });

  test("goes to the first node's pool where all nodes are in pools: all else is a 404 there", async () => {
    expect(await callOf(p, q)).toBe(`curl -N http://127.0.0.1:11434/p/api/chat -d '{"model":"mp"`);
    expect(await callOf(q, p)).toBe(
      `curl -N -H "Host: q.example.org" http://127.0.0.1:11434/api/chat -d '{"model":"mq"`,
    );
  });
});

test("between managed nodes, one that is not managed is no link of the chain", async () => {
  const { resources } = await build({
    nodes: [
      { name: "one" },
      { name: "vllm", managed: false, address: "10.0.0.9" },
      { name: "two" },
    ],
  });
  const admissions = (name: string) =>
    waits(resources, COMMAND, name).filter((each) => each.endsWith("-admission"));
  expect(admissions("lab-two-turn")).toEqual(["Command lab-one-admission"]);
  expect(admissions("lab-vllm-admission")).toEqual([]);
});

describe("GPUs", () => {
  test("go to the container as declared, and the host is asked for NVIDIA's runtime", async () => {
    const { resources } = await build({
      nodes: [
        { name: "one", gpus: { vendor: "nvidia", devices: ["0", "1"] } },
        { name: "two", gpus: { vendor: "amd" }, host: "ssh://gpu1.lan" },
      ],
    });
    expect(one(resources, CONTAINER, "lab-one").inputs["deviceRequests"]).toEqual([
      { driver: "nvidia", deviceIds: ["0", "1"], capabilities: ["gpu"] },
    ]);
    const amd = one(resources, CONTAINER, "lab-two").inputs;
    expect([amd["image"], amd["groupAdds"], amd["devices"]]).toEqual([
      "ollama/ollama:0.32.15-rocm",
      ["video"],
      ["/dev/dri", "/dev/kfd"].map((path) => ({
        hostPath: path,
        containerPath: path,
        permissions: "rwm",
      })),
    ]);
    const asked = (name: string) => stepInput(one(resources, COMMAND, name))["nvidia"];
    expect(asked("lab-local-preflight")).toBe(true);
    expect(asked("lab-gpu1-lan-75e3c7-preflight")).toBe(false);
    expect(stepInput(one(resources, COMMAND, "lab-gpu1-lan-75e3c7-images"))["images"]).toEqual([
      "ollama/ollama:0.32.15-rocm",
    ]);
  });
});

describe("how much of the model must be on the GPU", () => {
  test.each<[string, NonNullable<NodeArgs["gpus"]> | undefined, number | undefined]>([
    ["not asked of a node without GPUs", undefined, undefined],
    ["not asked with vendor none", { vendor: "none" }, undefined],
    ["some of it where GPUs are declared", { vendor: "nvidia" }, 1],
    ["what is declared", { vendor: "amd", minimumPercent: 100 }, 100],
    ["not asked when declared as 0", { vendor: "amd", minimumPercent: 0 }, undefined],
  ])("%s", async (_, gpus, asked) => {
    const { resources } = await build({ nodes: [{ name: "one", ...(gpus ? { gpus } : {}) }] });
    const ready = stepInput(one(resources, COMMAND, "lab-one-ready"));
    expect(ready["minimumGpuPercent"]).toBe(asked);
  });
});

test("a limit of CPUs goes to the container, and the host is asked whether it has as many", async () => {
  const { resources } = await build({ nodes: [{ name: "one", cpus: 2.5 }, { name: "two" }] });
  expect(one(resources, CONTAINER, "lab-one").inputs["cpus"]).toBe("2.5");
  expect(one(resources, CONTAINER, "lab-two").inputs).not.toHaveProperty("cpus");
  expect(stepInput(one(resources, COMMAND, "lab-local-preflight"))["cpus"]).toEqual({
    node: "one",
    cpus: 2.5,
  });
});
