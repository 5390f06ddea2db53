import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { type FoundNetwork, type KnownNetworks, networkName } from "../../plan/network-name.ts";
import {
  inspectNetworks,
  listNetworks,
  meshNetworks,
  parseNetworks,
} from "../../steps/balancer/front/mesh-networks.ts";
import { DockerError, dockerSync } from "../../steps/engine/docker-engine.ts";
import { engineIsMocked } from "../engine-is-mocked.ts";
import { ANSWER_SECONDS } from "./observed-mesh.ts";
import { askPortTakers, type PortTaker } from "./port-takers.ts";

/** What the mesh's networks are called, by endpoint, and which of them are about to be others. */
export interface ObservedNetworks extends KnownNetworks {
  /** Endpoints of engines that do not answer: there a network keeps the name that it has. */
  unknown: ReadonlySet<string>;
  /** Subnets: that which is there, and that which is declared. */
  moving: { from: string; to: string }[];
  /** Networks of others that are about to take the balancer's ports. */
  joining: PortTaker[];
}

/**
 * Asks the balancers' engines which networks the mesh has there, while the program runs: one with other addresses gets
 * another name. It only looks, and never throws. Under Pulumi's mocks nothing is asked.
 */
export function askNetworks(mesh: string, balancers: readonly BalancerPlan[]): ObservedNetworks {
  const names = new Map<string, string>();
  const unknown = new Set<string>();
  const moving: ObservedNetworks["moving"] = [];
  const gateways = new Set<string>();
  const joining: PortTaker[] = [];
  for (const balancer of balancers) {
    const { endpoint, addresses, offline } = balancer;
    if (offline || engineIsMocked()) continue;
    const there = networksAt(endpoint, mesh);
    if (!there) {
      unknown.add(endpoint);
      continue;
    }
    const name = networkName(mesh, addresses.subnet, there);
    names.set(endpoint, name);
    const takers = askPortTakers(balancer, name);
    for (const gateway of takers.gateways) gateways.add(gateway);
    joining.push(...takers.joining);
    const [before] = there;
    if (before && !there.some((one) => one.name === name)) {
      moving.push({ from: before.subnet, to: addresses.subnet });
    }
  }
  return { names, gateways: [...gateways].sort(), unknown, moving, joining };
}

function networksAt(endpoint: string, mesh: string): FoundNetwork[] | undefined {
  const docker = (args: string[]) => dockerSync(endpoint, args, ANSWER_SECONDS);
  try {
    const names = meshNetworks(mesh, docker(listNetworks(mesh)));
    return names.length === 0 ? [] : parseNetworks(docker(inspectNetworks(names)));
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return undefined;
  }
}
