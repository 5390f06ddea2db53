import type { CpuLimit, MeshNetwork } from "../../plan/host-plan.ts";

/** What is to be on a host. */
export interface HostNeeds {
  endpoint: string;
  /** Whether nodes on it need NVIDIA GPUs. */
  nvidia: boolean;
  /** Whether nodes on it need AMD GPUs. */
  amd?: boolean;
  /** Whether nodes on it need GPUs that speak Vulkan. */
  vulkan?: boolean;
  /** The highest limit of CPUs of a node on it; absent where none has one. */
  cpus?: CpuLimit;
  /** Ports that the mesh's containers publish there. */
  ports?: { ip: string; port: number }[];
  /** Of the balancer's host: the network that it has, or is to have, there. */
  network?: MeshNetwork;
  /** Whether it runs one of two balancers. */
  spare?: boolean;
  /** Names of the nodes on it. */
  nodes?: string[];
  /** Whose containers hold ports of their own. */
  mesh?: string;
  /** Volume that will hold the models; space is asked for only while it is not there. */
  volume?: string;
  minimumFreeGiB?: number;
  /** Of the balancer's host: settings that go by the client's address; absent for none. */
  byAddress?: string[];
}
