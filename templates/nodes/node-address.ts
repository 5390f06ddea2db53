import { isIP } from "node:net";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";

type Address = Pick<NodePlan, "address">;

/** Whether a node is declared by its name, and not by an IP address. */
const isByName = ({ address }: Address) => isIP(address) === 0;

/** Whether nginx looks a node's name up again while it runs, which takes a resolver. Else it does once, when it starts. */
export const isLookedUpAgain = ({ resolver }: Pick<BalancerPlan, "resolver">, node: Address) =>
  resolver !== undefined && isByName(node);

/** Whether the group of nodes holds a node's name. Of a node with TLS it holds the socket of its TLS proxy. */
export const isNameInGroup = (node: Pick<NodePlan, "address" | "tls">) =>
  isByName(node) && !node.tls;
