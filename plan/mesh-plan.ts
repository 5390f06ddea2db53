import { ROLLOUT } from "../config/defaults.ts";
import type { RolloutArgs } from "../config/mesh-args.ts";
import type { MeshConfig } from "../config/mesh-config.ts";
import { type BalancerPlan, planBalancer } from "./balancer-plan.ts";
import { type HostPlan, planHosts } from "./host-plan.ts";
import { type NodePlan, planNode } from "./node-plan.ts";

/** All that is decided before any resource exists. */
export interface MeshPlan {
  name: string;
  hosts: HostPlan[];
  nodes: NodePlan[];
  balancer: BalancerPlan;
  rollout: Required<RolloutArgs>;
}

/** Decides everything that follows from the config of a mesh. Pure: the same config gives the same plan. */
export function planMesh(name: string, config: MeshConfig): MeshPlan {
  const rollout = { ...ROLLOUT, ...config.rollout };
  const balancer = planBalancer(name, config);
  const nodes = config.nodes.map((node) => planNode(name, config, node, balancer));
  return { name, hosts: planHosts(name, nodes, balancer), nodes, balancer, rollout };
}
