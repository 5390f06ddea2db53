import type { MeshNetwork } from "../../plan/host-plan.ts";

/** What is to be on a host. */
export interface HostNeeds {
  endpoint: string;
  /** Whether nodes on it need NVIDIA GPUs. */
  nvidia: boolean;
  /** Whether nodes on it need AMD GPUs. */
  amd?: boolean;
  /** Ports that the mesh's containers publish there. */
  ports?: { ip: string; port: number }[];
  /** Of the balancer's host: the network that it has, or is to have, there. */
  network?: MeshNetwork;
  /** Names of the nodes on it. */
  nodes?: string[];
  /** Whose containers hold ports of their own. */
  mesh?: string;
  /** Volume that will hold the models; space is asked for only while it is not there. */
  volume?: string;
  minimumFreeGiB?: number;
}
