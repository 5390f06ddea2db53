import type { local } from "@pulumi/command";
import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { MESH_LABEL } from "../../config/names.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { balancerRef } from "../../plan/balancer-ref.ts";
import { clearOrphan } from "../orphan.ts";
import { step } from "../step.ts";

/** Whose network it is. */
interface NetworkArgs {
  mesh: string;
  plan: BalancerPlan;
  isNetworkKnown: boolean;
}

/** The network of nodes and balancer on the balancer's engine. */
export function meshNetwork(
  name: string,
  { mesh, plan, isNetworkKnown }: NetworkArgs,
  opts: pulumi.CustomResourceOptions,
) {
  const orphan = {
    kind: "network" as const,
    endpoint: plan.endpoint,
    name: plan.network,
    label: MESH_LABEL,
    mesh,
  };
  return new docker.Network(
    `${name}-network`,
    {
      name: plan.network,
      driver: "bridge",
      ipamConfigs: [{ subnet: plan.addresses.subnet, gateway: plan.addresses.gateway }],
      labels: [{ label: MESH_LABEL, value: mesh }],
    },
    {
      ...opts,
      // Another one is made beside it: see plan/network-name.ts.
      deleteBeforeReplace: false,
      ...(isNetworkKnown ? {} : { ignoreChanges: ["name"] }),
      ...clearOrphan(`${name}-network`, balancerRef(plan), orphan),
    },
  );
}

/** The balancer is in both while nodes move from one to another, and leaves the one before when they have. */
export function joinNetwork(
  name: string,
  { mesh, plan }: Omit<NetworkArgs, "isNetworkKnown">,
  network: docker.Network,
  parent: pulumi.Resource,
  after: pulumi.Resource[],
): local.Command {
  const { virtualAddress } = plan;
  return step(
    `${name}-joined`,
    { create: "joinMesh", delete: "leaveMesh" },
    {
      mesh,
      balancer: balancerRef(plan),
      address: plan.addresses.balancer,
      ...(virtualAddress ? { virtualAddress: virtualAddress.container } : {}),
    },
    { parent, dependsOn: [network, ...after], deleteBeforeReplace: false },
    [network.id],
  );
}

/**
 * A container's place in the mesh network. The name comes from the network itself, so that Pulumi deletes what is in it
 * before it: Docker removes no network with a container.
 */
export const networkAttachment = ({ name }: docker.Network, ipv4Address: string) => ({
  networksAdvanced: [{ name, ipv4Address }],
});
