import type { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { balancerRef } from "../../plan/balancer-ref.ts";
import type { MeshPlan } from "../../plan/mesh-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { routedNode } from "../../templates/nodes/routed-node.ts";
import { nodeHop } from "../../templates/nodes/hop.ts";
import { hasHop } from "../../templates/nodes/node-address.ts";
import { serverLine } from "../../templates/nodes/upstream.ts";
import { isPlaceholder } from "../late-values.ts";
import { lineDrift } from "../observed/drift.ts";
import { step } from "../step.ts";
import { type PlacedBalancer, stepAt, triggersAt } from "./placed-balancer.ts";

/** The node that is to have a place in traffic. */
export interface AdmitArgs {
  mesh: MeshPlan;
  /** With placeholders for what is known later. */
  plan: NodePlan;
  /** As it will be. */
  node: pulumi.Output<NodePlan>;
  /** What it knows the balancer by, secret; absent where it asks for no key. */
  apiKey?: pulumi.Output<string>;
}

/** A node's line on a balancer: written when it is ready, drained before its container is touched. */
export function admit(
  parent: pulumi.Resource,
  name: string,
  { mesh, node, plan, apiKey }: AdmitArgs,
  at: PlacedBalancer,
  dependsOn: pulumi.Resource[],
  triggers?: pulumi.Input<unknown>[],
): local.Command {
  const { plan: balancer, observed } = at;
  const line = isPlaceholder(plan.address) ? undefined : serverLine(balancer, plan);
  const drift = lineDrift(observed, plan, line);
  const [ownName, options] = stepAt(`${name}-admission`, at, { parent, dependsOn, drift });
  return step(
    ownName,
    { create: "admit", update: "amend", delete: "drain" },
    {
      balancer: balancerRef(balancer),
      node: plan.name,
      address: node.address,
      port: plan.port,
      line: node.apply((known) => serverLine(balancer, known)),
      ...(plan.pool === undefined ? {} : { pool: plan.pool }),
      // Left out where there is none, so that other nodes have nothing to change.
      ...(hasHop(plan) ? { hop: node.apply((known) => nodeHop(balancer, known)!) } : {}),
      ...(plan.tls ? { tls: node.apply(({ tls }) => tls!) } : {}),
      ...(apiKey ? { apiKey } : {}),
      ...routedAs(balancer, plan, node),
      ...(plan.maintenance ? {} : { healthPath: healthPath(plan) }),
      drainTimeoutSeconds: mesh.rollout.drainTimeoutSeconds,
      ...(plan.offline ? { offline: true } : {}),
      ...(plan.container ? { engine: plan.container.endpoint } : {}),
    },
    options,
    triggersAt(at, triggers),
  );
}

/** Where a node must answer the balancer. */
const healthPath = ({ container }: NodePlan) =>
  container ? (container.service?.healthPath ?? "/api/version") : "/";

/** Left out where nothing is routed to it, so that such nodes have nothing to change. */
const routedAs = (balancer: BalancerPlan, plan: NodePlan, node: pulumi.Output<NodePlan>) =>
  routedNode(balancer, plan) ? { routed: node.apply((known) => routedNode(balancer, known)!) } : {};
