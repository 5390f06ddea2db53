import { ROLLOUT } from "../config/defaults.ts";
import type { RolloutArgs } from "../config/mesh-args.ts";
import { type MeshConfig, isAttached } from "../config/mesh-config.ts";
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

/**
 * Plans one node of a planned mesh anew.
 *
 * @param config that of the plan with other values of this node, as a nodeParser returns it
 * @param at its place in the list
 */
export function replanNode(plan: MeshPlan, config: MeshConfig, at: number): NodePlan {
  const node = config.nodes[at]!;
  const { endpoint, addresses } = plan.balancer;
  // Addresses in the mesh network hang on the names of all that are in it.
  const stays = isAttached(node, endpoint) === addresses.nodes.has(node.name);
  return planNode(plan.name, config, node, stays ? plan.balancer : planBalancer(plan.name, config));
}
