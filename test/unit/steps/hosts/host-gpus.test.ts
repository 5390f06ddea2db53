import { describe, expect, test } from "vitest";

import { gpuProblems, gpusOf } from "../../../../steps/hosts/host-gpus.ts";

const NONE = { nvidiaRuntime: false, nvidiaByCdi: false };
const RUNTIME = { nvidiaRuntime: true, nvidiaByCdi: false };
const CDI = { nvidiaRuntime: false, nvidiaByCdi: true };
const SPEC = "/etc/cdi/nvidia.yaml";
const AMD = ["/dev/kfd", "/dev/dri"];

describe("the GPUs of a host", () => {
  test.each([
    ["nobody could look", NONE, undefined, undefined],
    ["there are none", NONE, [], "none"],
    ["a runtime", RUNTIME, undefined, "nvidia"],
    ["CDI, as the engine says", CDI, undefined, "nvidia by CDI"],
    ["CDI, as a file says", NONE, [SPEC], "nvidia by CDI"],
    ["a runtime and CDI", RUNTIME, [SPEC], "nvidia, nvidia by CDI"],
    ["AMD", NONE, AMD, "amd"],
    ["a screen only", NONE, ["/dev/dri"], "none"],
  ])("%s", (_, engine, files, gpus) => {
    expect(gpusOf(engine, files ? { files } : {})).toBe(gpus);
  });
});

describe("what a host lacks for GPUs", () => {
  const NO_NVIDIA =
    "a node on it declares NVIDIA GPUs, but it has no nvidia runtime; install the NVIDIA container toolkit (nvidia-ctk runtime configure) and restart Docker";
  const noAmd = (devices: string) =>
    `a node on it declares AMD GPUs, but it has no ${devices}; install the amdgpu driver with ROCm support, and restart the machine`;
  test.each<
    [string, { nvidia: boolean; amd?: boolean }, typeof NONE, string[] | undefined, string[]]
  >([
    ["nothing, where none are declared", { nvidia: false }, NONE, [], []],
    ["nothing, with a runtime", { nvidia: true }, RUNTIME, undefined, []],
    ["nothing, with CDI", { nvidia: true }, NONE, [SPEC], []],
    ["both ways to NVIDIA's", { nvidia: true }, NONE, undefined, [NO_NVIDIA]],
    ["nothing, with AMD's devices", { nvidia: false, amd: true }, NONE, AMD, []],
    ["nothing that anybody could see", { nvidia: false, amd: true }, NONE, undefined, []],
    ["AMD's devices", { nvidia: false, amd: true }, NONE, [], [noAmd("/dev/kfd and no /dev/dri")]],
    ["one of them", { nvidia: false, amd: true }, NONE, ["/dev/dri"], [noAmd("/dev/kfd")]],
    ["both kinds", { nvidia: true, amd: true }, NONE, ["/dev/dri"], [NO_NVIDIA, noAmd("/dev/kfd")]],
  ])("%s", (_, needs, engine, files, problems) => {
    expect(gpuProblems(needs, engine, files ? { files } : {})).toEqual(problems);
  });
});
