import { isIP } from "node:net";

import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import type { AdmittedNode } from "../../templates/admitted-servers.ts";
import { routedNode } from "../../templates/nodes/routed-node.ts";
import { nodeHop } from "../../templates/nodes/hop.ts";
import { serverLine } from "../../templates/nodes/upstream.ts";

/** A node as its admission puts it into traffic; a name is found nowhere. */
export function admitted(balancer: BalancerPlan, node: NodePlan): AdmittedNode {
  const hop = nodeHop(balancer, node);
  const routed = routedNode(balancer, node);
  return {
    line: serverLine(balancer, node),
    addresses: isIP(node.address) ? [node.address] : [],
    port: node.port,
    ...(node.pool === undefined ? {} : { pool: node.pool }),
    ...(hop ? { hop } : {}),
    ...(routed ? { routed } : {}),
  };
}
