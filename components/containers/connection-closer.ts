import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { MESH_LABEL, connectionCloser } from "../../config/names.ts";
import { balancerRef } from "../../plan/balancer-ref.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { closerContainerArgs } from "./closer-container.ts";
import type { GpuHost } from "../hosts/gpu-host.ts";
import { clearOrphan } from "../orphan.ts";
import { spread } from "../outputs.ts";

/** Arguments of closerContainer. */
export interface CloserArgs {
  mesh: string;
  plan: BalancerPlan;
  /** Every node, as it will be. */
  nodes: pulumi.Output<readonly NodePlan[]>;
  /** nginx's. */
  image: pulumi.Input<string>;
  host: GpuHost;
  parent: pulumi.Resource;
}

/** What closes connections to frozen nodes, in the front's network. It is replaced for a node that comes or goes: it holds nothing. */
export function closerContainer(
  name: string,
  { mesh, plan, nodes, image, host, parent }: CloserArgs,
  front: docker.Container,
): docker.Container {
  const made = pulumi
    .all([nodes, front.id])
    .apply(([all, id]) => closerContainerArgs(mesh, inTraffic(all), id));
  const { endpoint } = plan;
  const orphan = {
    kind: "container" as const,
    endpoint,
    name: connectionCloser(mesh),
    label: MESH_LABEL,
    mesh,
  };
  return new docker.Container(
    `${name}-closer`,
    { ...spread(made, closerContainerArgs(mesh, [], "")), image },
    {
      parent,
      provider: host.provider,
      replacementTrigger: host.engine,
      ...clearOrphan(`${name}-closer`, balancerRef(plan), orphan),
      dependsOn: [front],
      deleteBeforeReplace: true,
    },
  );
}

/** In the order of their names, so that another order of the arguments replaces nothing. */
const inTraffic = (nodes: readonly NodePlan[]) =>
  nodes
    .filter(({ maintenance, offline }) => !maintenance && !offline)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
