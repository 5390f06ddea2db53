import type { BalancerArgs } from "./balancer-args.ts";
import { defaultSubnet, roomIn } from "./addresses.ts";
import { isAttached } from "./balancer-plan.ts";
import type { PlacedNode } from "./balancer-problems.ts";
import { DEFAULT_ENGINE } from "./defaults.ts";
import { freeNetwork, overlap, parseNetwork, type Ipv4Network } from "./ipv4-network.ts";
import { engineHost } from "./names.ts";
import { parseSubnet, type Known } from "./patterns.ts";
import { show, type Problem } from "./problems.ts";

/** The mesh network must have room for the nodes in it, and hold no address of one that is elsewhere. */
export function meshNetworkProblems(
  { subnet, host = DEFAULT_ENGINE }: Known<BalancerArgs>,
  nodes: readonly PlacedNode[],
  mesh?: string,
): Problem[] {
  const { length: attached } = nodes.filter(({ node }) => isAttached(node, host));
  const problems: Problem[] = [];
  if (subnet !== undefined && attached > roomIn(subnet)) {
    problems.push({
      path: "balancer.subnet",
      text: `must have room for the ${attached} nodes on the balancer's engine; a larger network has a smaller number after the slash, got ${show(subnet)}`,
    });
  }
  const text = subnet ?? (mesh === undefined ? undefined : defaultSubnet(mesh));
  const own = text === undefined ? undefined : parseSubnet(text);
  if (!own) return problems;
  const elsewhere = nodes.flatMap(({ at, node }) => {
    // Somebody may have put a server of their own into the mesh network: who declares its subnet knows it.
    if (isAttached(node, host) || (node.managed === false && subnet !== undefined)) return [];
    const [field, address] = node.address
      ? (["address", node.address] as const)
      : (["host", engineHost(node.host ?? DEFAULT_ENGINE) ?? ""] as const);
    const network = parseNetwork(address);
    return network ? [{ path: `nodes[${at}].${field}`, address, network }] : [];
  });
  const all: Ipv4Network[] = [own, ...elsewhere.map(({ network }) => network)];
  for (const { path, address, network } of elsewhere) {
    if (!overlap(own, network)) continue;
    problems.push({
      path,
      text: `must not be in the mesh's own network on the balancer's engine, ${text}, which hides it from the balancer; declare another network, such as balancer.subnet: ${freeNetwork(all)}, got ${show(address)}`,
    });
  }
  return problems;
}
