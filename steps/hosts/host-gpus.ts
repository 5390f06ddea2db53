import type { EngineInspection } from "./inspect-engine.ts";
import type { HostNeeds } from "./host-needs.ts";
import type { MachineInspection } from "./inspect-machine.ts";

type Engine = Pick<EngineInspection, "nvidiaRuntime" | "nvidiaByCdi">;
type Machine = Pick<MachineInspection, "files">;

/** The GPUs that a host shows, in words; undefined where nobody could look and the engine shows none. */
export function gpusOf(engine: Engine, machine: Machine): string | undefined {
  const kinds = [
    ...(engine.nvidiaRuntime ? ["nvidia"] : []),
    ...(hasCdi(engine, machine) ? ["nvidia by CDI"] : []),
    ...(machine.files?.includes("/dev/kfd") ? ["amd"] : []),
  ];
  if (kinds.length > 0) return kinds.join(", ");
  return machine.files && "none";
}

/** What a host lacks for the GPUs that nodes on it declare, each problem with its way out. */
export function gpuProblems(
  needs: Pick<HostNeeds, "nvidia" | "amd" | "vulkan">,
  engine: Engine,
  machine: Machine,
): string[] {
  const problems: string[] = [];
  if (needs.nvidia && !engine.nvidiaRuntime && !hasCdi(engine, machine)) {
    problems.push(
      "a node on it declares NVIDIA GPUs, but it has no nvidia runtime; install the NVIDIA container toolkit (nvidia-ctk runtime configure) and restart Docker",
    );
  }
  const { files } = machine;
  const missing = ["/dev/kfd", "/dev/dri"].filter((device) => files && !files.includes(device));
  if (needs.amd && missing.length > 0) {
    problems.push(
      `a node on it declares AMD GPUs, but it has no ${missing.join(" and no ")}; install the amdgpu driver with ROCm support, and restart the machine`,
    );
  }
  if (needs.vulkan && !needs.amd && files && !files.includes("/dev/dri")) {
    problems.push(
      "a node on it declares GPUs by Vulkan, but it has no /dev/dri; install the GPU's kernel driver (i915, xe, amdgpu), and restart the machine",
    );
  }
  return problems;
}

const hasCdi = ({ nvidiaByCdi }: Engine, { files }: Machine): boolean =>
  nvidiaByCdi || (files ?? []).some((file) => file.includes("cdi"));
