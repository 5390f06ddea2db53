// The exact inputs of a node's container.
import { describe, expect, test } from "vitest";

import type { NodeArgs } from "../../../../config/node-args.ts";
import { parseMesh } from "../../../../config/parse-mesh.ts";
import { nodeContainerArgs } from "../../../../components/containers/node-container.ts";
import { planMesh } from "../../../../plan/mesh-plan.ts";
import { plainContainer } from "../../../support/plain-node.ts";

/** What the provider is told of a mesh's only node. */
function argsOf(node: Partial<NodeArgs> = {}) {
  const mesh = planMesh("lab", parseMesh({ nodes: [{ name: "one", ...node }] }));
  const planned = mesh.nodes[0]!;
  return nodeContainerArgs(mesh, planned, planned.container!.environment);
}

const PLAIN = plainContainer("one");

test("without settings it is hardened, in the mesh network, published nowhere, without GPU or limit", () => {
  expect(argsOf()).toEqual(PLAIN);
});

describe("GPUs", () => {
  /** What differs from a node without. */
  const access = (gpus: NodeArgs["gpus"]) => {
    const { envs, image, ...rest } = argsOf(gpus ? { gpus } : {});
    const { envs: _envs, image: _image, ...plain } = PLAIN;
    const own = Object.entries(rest).filter(([key]) => !(key in plain));
    expect(rest).toEqual({ ...plain, ...Object.fromEntries(own) });
    return { ...Object.fromEntries(own), image, envs: envs.slice(PLAIN.envs.length) };
  };
  const cuda = { image: "ollama/ollama:0.32.15", envs: [] };
  const rocm = { image: "ollama/ollama:0.32.15-rocm", envs: [] };
  const amdDevices = ["/dev/dri", "/dev/kfd"].map((path) => ({
    hostPath: path,
    containerPath: path,
    permissions: "rwm",
  }));
  const nvidia = (...deviceIds: string[]) => ({
    ...cuda,
    deviceRequests: [{ driver: "nvidia", deviceIds, capabilities: ["gpu"] }],
  });

  test.each<[string, NodeArgs["gpus"], object]>([
    ["none declared", undefined, cuda],
    ["vendor none", { vendor: "none" }, cuda],
    ["all of NVIDIA", { vendor: "nvidia" }, { ...cuda, gpus: "all" }],
    ["one by index", { vendor: "nvidia", devices: ["1"] }, nvidia("1")],
    ["several by index", { vendor: "nvidia", devices: ["0", "1"] }, nvidia("0", "1")],
    ["one by UUID", { vendor: "nvidia", devices: ["GPU-8a5f3c9e"] }, nvidia("GPU-8a5f3c9e")],
    [
      "a MIG slice",
      { vendor: "nvidia", devices: ["MIG-GPU-8a5f3c9e/1/0"] },
      nvidia("MIG-GPU-8a5f3c9e/1/0"),
    ],
    [
      "by CDI",
      { vendor: "nvidia", devices: ["nvidia.com/gpu=0", "nvidia.com/gpu=1"] },
      {
        ...cuda,
        deviceRequests: [{ driver: "cdi", deviceIds: ["nvidia.com/gpu=0", "nvidia.com/gpu=1"] }],
      },
    ],
    ["all of AMD", { vendor: "amd" }, { ...rocm, devices: amdDevices, groupAdds: ["video"] }],
    [
      "some of AMD, other groups",
      { vendor: "amd", devices: ["0", "1"], groups: ["render", "109"] },
      {
        image: rocm.image,
        envs: ["ROCR_VISIBLE_DEVICES=0,1"],
        devices: amdDevices,
        groupAdds: ["render", "109"],
      },
    ],
  ])("%s", (_, gpus, expected) => {
    expect(access(gpus)).toEqual(expected);
  });

  test("no node is privileged, whatever its GPUs", () => {
    for (const vendor of ["none", "nvidia", "amd"] as const) {
      const args = argsOf({ gpus: { vendor } });
      expect(args).not.toHaveProperty("privileged");
      expect(args.capabilities).toEqual({ drops: ["ALL"] });
    }
  });
});

describe("limits", () => {
  test("memory is without swap on top", () => {
    expect(argsOf({ memoryMib: 65_536 })).toEqual({
      ...PLAIN,
      memory: 65_536,
      memorySwap: 65_536,
    });
  });

  test("cores are text, as the provider wants them", () => {
    expect(argsOf({ cpus: 7.5 })).toEqual({ ...PLAIN, cpus: "7.5" });
  });
});

describe("where it is reached", () => {
  const { networksAdvanced: _, ...elsewhere } = PLAIN;

  test("on another engine it is published on the declared port, in no mesh network, and asks no balancer that it can't reach", () => {
    expect(argsOf({ host: "ssh://gpu1.lan", port: 11_500 })).toEqual({
      ...elsewhere,
      healthcheck: {
        tests: ["CMD", "/bin/ollama", "ps"],
        interval: "15s",
        timeout: "5s",
        retries: 3,
        startPeriod: "10s",
      },
      ports: [{ ip: "0.0.0.0", external: 11_500, internal: 11_434 }],
    });
  });

  test("a declared address is the only one that it is published on", () => {
    expect(argsOf({ host: "ssh://gpu1.lan", address: "10.8.0.11" }).ports).toEqual([
      { ip: "10.8.0.11", external: 11_434, internal: 11_434 },
    ]);
  });
});

test("a node that the mesh does not run has no container", () => {
  const mesh = planMesh(
    "lab",
    parseMesh({ nodes: [{ name: "one", managed: false, address: "10.0.0.7" }] }),
  );
  expect(() => nodeContainerArgs(mesh, mesh.nodes[0]!, [])).toThrow("node one has no container");
});
