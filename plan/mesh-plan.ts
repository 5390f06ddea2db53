import { ROLLOUT } from "../config/defaults.ts";
import type { RolloutArgs } from "../config/mesh-args.ts";
import { type MeshConfig, isAttached, meshEngine } from "../config/mesh-config.ts";
import { type BalancerPlan, planBalancers } from "./balancer-plan.ts";
import { urlAt } from "./clients-url.ts";
import { type HostPlan, planHosts } from "./host-plan.ts";
import { type MonitoringPlan, planMonitoring } from "./monitoring-plan.ts";
import type { KnownNetworks } from "./network-name.ts";
import { type NodePlan, planNode } from "./node-plan.ts";

/** All that is decided before any resource exists. */
export interface MeshPlan {
  name: string;
  hosts: HostPlan[];
  nodes: NodePlan[];
  /** One, or two that differ in where they run. */
  balancers: BalancerPlan[];
  /** The first of them, for what they have in common. */
  balancer: BalancerPlan;
  /** Where clients reach the mesh, where that is no machine of a balancer; absent where it is the first one's. */
  url?: string;
  rollout: Required<RolloutArgs>;
  /** What watches the mesh beside each balancer; absent where none is declared. */
  monitoring?: MonitoringPlan[];
}

/**
 * Decides everything that follows from the config of a mesh. Pure: the same config gives the same plan.
 *
 * @param networks as for planBalancers
 */
export function planMesh(name: string, config: MeshConfig, networks?: KnownNetworks): MeshPlan {
  const rollout = { ...ROLLOUT, ...config.rollout };
  const balancers = planBalancers(name, config, networks);
  const balancer = balancers[0]!;
  const nodes = config.nodes.map((node) => planNode(name, config, node, balancer));
  const hosts = planHosts(name, nodes, balancers);
  const monitoring = planMonitoring(name, config, balancers);
  return {
    ...{ name, hosts, nodes, balancers, balancer, rollout },
    ...sharedUrl(config, balancer),
    ...(monitoring.length > 0 ? { monitoring } : {}),
  };
}

/** By a name that leads to both of two balancers, or the address that one of them has. */
function sharedUrl({ balancer = {} }: MeshConfig, plan: BalancerPlan): Pick<MeshPlan, "url"> {
  const host = balancer.hosts && (balancer.address ?? plan.virtualAddress?.address);
  return host === undefined ? {} : { url: urlAt(host, plan) };
}

/**
 * Plans one node of a planned mesh anew.
 *
 * @param config that of the plan with other values of this node, as a nodeParser returns it
 * @param at its place in the list
 */
export function replanNode(plan: MeshPlan, config: MeshConfig, at: number): NodePlan {
  const node = config.nodes[at]!;
  // Addresses in the mesh network hang on the names of all that are in it.
  const isInside = isAttached(node, meshEngine(config.balancer));
  const stays = isInside === plan.balancer.addresses.nodes.has(node.name);
  const balancer = stays ? plan.balancer : planBalancers(plan.name, config)[0]!;
  return planNode(plan.name, config, node, balancer);
}
