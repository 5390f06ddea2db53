// What the engine is really asked for when nodes declare GPUs: a real engine whose NVIDIA hook, CDI
// devices and AMD device files are stand-ins, and Ollama that finds no GPU behind any of them.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { lacking, need } from "../../support/needs.ts";
import { labConfig, model, nginxImage, ollamaImage } from "../support/lab.ts";
import { NVIDIA_STAND_IN } from "../support/nvidia-stand-in.ts";
import { SpareEngine } from "../support/spare-engine.ts";
import { Stack } from "../support/stack.ts";

const NEEDS = [
  "OLLAMA_MESH_OLLAMA_IMAGE",
  "OLLAMA_MESH_NGINX_IMAGE",
  "OLLAMA_MESH_MODEL",
  "OLLAMA_MESH_HOST_IMAGE",
] as const;

const PREPARE = `${NVIDIA_STAND_IN}
mkdir -p /etc/cdi /dev/dri
cp /spare/nvidia.json /etc/cdi/
mknod /dev/kfd c 1 3
mknod /dev/dri/renderD128 c 1 5
`;
const CDI = {
  cdiVersion: "0.6.0",
  kind: "nvidia.com/gpu",
  devices: ["0", "1"].map((name) => ({
    name,
    containerEdits: { env: [`CDI_GPU_${name}=injected`] },
  })),
};

const UUID = "GPU-8a5f3c9e-1b2d-4e6f-9a0b-1c2d3e4f5a6b";
const MIG = `MIG-${UUID}/1/0`;
const GPUS = {
  all: { vendor: "nvidia" },
  first: { vendor: "nvidia", devices: ["0"] },
  second: { vendor: "nvidia", devices: ["1"] },
  both: { vendor: "nvidia", devices: ["0", "1"] },
  uuid: { vendor: "nvidia", devices: [UUID] },
  mig: { vendor: "nvidia", devices: [MIG] },
  cdi: { vendor: "nvidia", devices: ["nvidia.com/gpu=0", "nvidia.com/gpu=1"] },
  amd: { vendor: "amd", devices: ["0"], groups: ["video", "109"] },
  cpu: { vendor: "none" },
} as const;

describe("GPUs on an engine that offers them", { timeout: 300_000 }, () => {
  let engine: SpareEngine;
  let stack: Stack;

  const config = (minimumPercent: number, names = Object.keys(GPUS) as (keyof typeof GPUS)[]) => {
    const nodes = names.map((name) => {
      const gpus = GPUS[name];
      const asked = gpus.vendor === "none" ? gpus : { ...gpus, minimumPercent };
      return { name, host: engine.endpoint, gpus: asked };
    });
    const rollout = { maxUnavailable: names.length > 1 ? names.length - 1 : 1 };
    return labConfig({ nodes, rollout, balancer: { host: engine.endpoint } });
  };

  beforeAll(async () => {
    if (lacking(...NEEDS)) return;
    engine = await SpareEngine.start({
      image: process.env["OLLAMA_MESH_HOST_IMAGE"]!,
      images: [ollamaImage(), nginxImage()],
      files: { prepare: PREPARE, "nvidia.json": JSON.stringify(CDI) },
    });
    stack = await Stack.init(config(0));
    await stack.up();
  }, 300_000);
  beforeEach((context) => NEEDS.forEach((name) => need(context, name)));
  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  /** What the engine holds of a node's container. */
  const inspected = async (node: string) => {
    const [found] = JSON.parse(await engine.docker("inspect", `${stack.mesh}-${node}`)) as {
      HostConfig: {
        DeviceRequests: object[] | null;
        Devices: { PathOnHost: string }[] | null;
        GroupAdd: string[] | null;
        Privileged: boolean;
      };
      Config: { Env: string[]; Image: string };
    }[];
    return found!;
  };
  const requests = async (node: string) => (await inspected(node)).HostConfig.DeviceRequests;
  /** A variable of the running Ollama, which the engine's GPU driver may have added. */
  const variable = async (node: string, name: string) => {
    const all = await engine.docker("exec", `${stack.mesh}-${node}`, "cat", "/proc/1/environ");
    const found = all.split("\0").filter((each) => each.startsWith(`${name}=`));
    return found.map((each) => each.slice(name.length + 1));
  };
  const nvidia = (...ids: string[]) => [
    { Driver: "nvidia", Count: 0, DeviceIDs: ids, Capabilities: [["gpu"]], Options: {} },
  ];

  test("all of NVIDIA is the request of docker run --gpus all", async () => {
    expect(await requests("all")).toEqual([
      { Driver: "", Count: -1, DeviceIDs: null, Capabilities: [["gpu"]], Options: {} },
    ]);
    expect(await variable("all", "NVIDIA_VISIBLE_DEVICES")).toEqual(["all"]);
  });

  test.each([
    ["first", ["0"]],
    ["second", ["1"]],
    ["both", ["0", "1"]],
    ["uuid", [UUID]],
    ["mig", [MIG]],
  ])("%s: the driver gets exactly the declared devices", async (node, ids) => {
    expect(await requests(node)).toEqual(nvidia(...ids));
    expect(await variable(node, "NVIDIA_VISIBLE_DEVICES")).toEqual([ids.join(",")]);
  });

  test("CDI devices are injected by the engine itself", async () => {
    const ids = ["nvidia.com/gpu=0", "nvidia.com/gpu=1"];
    expect(await requests("cdi")).toEqual([expect.objectContaining({ Driver: "cdi" })]);
    expect(await requests("cdi")).toEqual([expect.objectContaining({ DeviceIDs: ids })]);
    expect(await variable("cdi", "CDI_GPU_0")).toEqual(["injected"]);
    expect(await variable("cdi", "CDI_GPU_1")).toEqual(["injected"]);
    expect(await variable("cdi", "NVIDIA_VISIBLE_DEVICES")).toEqual(["void"]);
  });

  test("AMD gets the device files, the groups that own them, and its choice of GPUs by ROCm's variable", async () => {
    const { HostConfig, Config } = await inspected("amd");
    expect(HostConfig.DeviceRequests).toBeNull();
    expect(HostConfig.Devices!.map(({ PathOnHost }) => PathOnHost).sort()).toEqual([
      "/dev/dri",
      "/dev/kfd",
    ]);
    expect(HostConfig.GroupAdd!.toSorted()).toEqual(["109", "video"]);
    expect(Config.Env).toContain("ROCR_VISIBLE_DEVICES=0");
    expect(await engine.docker("exec", `${stack.mesh}-amd`, "ls", "/dev/dri")).toBe("renderD128\n");
  });

  test("a node without GPUs asks for none", async () => {
    const { HostConfig } = await inspected("cpu");
    expect([HostConfig.DeviceRequests, HostConfig.Devices]).toEqual([null, null]);
    expect(await variable("cpu", "NVIDIA_VISIBLE_DEVICES")).toEqual(["void"]);
  });

  test("no container is privileged", async () => {
    for (const node of Object.keys(GPUS)) {
      expect((await inspected(node)).HostConfig.Privileged).toBe(false);
    }
  });

  test("the engine tells all of it back as it was asked: no changes, after a refresh too", async () => {
    expect((await stack.up()).changes).toEqual([]);
    await stack.refresh();
  });

  test("Ollama that finds no GPU behind the request gets no traffic", async () => {
    await stack.configure(config(1));
    const ran = await stack.tryUp();
    expect(ran.code).not.toBe(0);
    expect(ran.errors.join("\n")).toContain(
      `node first is not ready and gets no traffic: 0 % of ${model()}:latest is in GPU memory (0.0 of 0.`,
    );
  });
});
