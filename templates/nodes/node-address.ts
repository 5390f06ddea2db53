import { isIP } from "node:net";
import { HOST_GATEWAY } from "../../config/defaults.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";

type Address = Pick<NodePlan, "address">;

/** Whether a node is declared by its name, and not by an IP address. */
const isByName = ({ address }: Address) => isIP(address) === 0;

/** Whether nginx looks a node's name up again while it runs, which takes a resolver. Else it does once, when it starts. */
export const isLookedUpAgain = ({ resolver }: Pick<BalancerPlan, "resolver">, node: Address) =>
  // A name of the container's own, which no DNS server knows.
  resolver !== undefined && isByName(node) && node.address !== HOST_GATEWAY;

/** Whether a node is reached over a hop of its own (see hop.ts): for what a group cannot do for one of its servers alone. */
export const hasHop = ({ tls, keyed }: Pick<NodePlan, "tls" | "keyed">): boolean =>
  tls !== undefined || keyed === true;

/** Whether the group of nodes holds a node's name. Of a node with a hop it holds the hop's socket. */
export const isNameInGroup = (node: Pick<NodePlan, "address" | "tls" | "keyed">) =>
  isByName(node) && !hasHop(node);
