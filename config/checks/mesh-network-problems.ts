import { DEFAULT_ENGINE } from "../defaults.ts";
import { isAttached, meshEngine } from "../mesh-config.ts";
import { networkNumber } from "../names.ts";
import { engineHost } from "../net/engine-endpoint.ts";
import { overlap } from "../net/ip-network.ts";
import { freeNetwork, parseNetwork } from "../net/ipv4-network.ts";
import { type Problem, show } from "../problems.ts";
import { defaultSubnet, roomIn } from "../subnet.ts";
import type { IndexedNode, WellFormed } from "./well-formed.ts";

/**
 * The mesh network must have room for the nodes in it, and hold no address of one that is elsewhere.
 *
 * @param mesh its name, from which the network follows where none is declared
 */
export function meshNetworkProblems({ balancer, nodes }: WellFormed, mesh?: string): Problem[] {
  const { subnet } = balancer;
  const isInside = ({ node }: IndexedNode) => isAttached(node, meshEngine(balancer));
  // Somebody may have put a machine of their own into the mesh network: who declares its subnet knows it.
  if (subnet !== undefined) return roomProblems(subnet, nodes.filter(isInside).length);
  if (mesh === undefined) return [];
  return hiddenNodes(
    defaultSubnet(mesh),
    nodes.filter((node) => !isInside(node)),
  );
}

/**
 * Networks of others that the balancer could not join: it is in its own already, and Docker joins none twice.
 *
 * @param mesh its name; without it that is not checked
 */
export function joinedNetworkProblems({ balancer }: WellFormed, mesh?: string): Problem[] {
  const { networks = [] } = balancer;
  const isOwn = (name: string) => mesh !== undefined && networkNumber(mesh, name) !== undefined;
  return networks.flatMap((name, at) => {
    const text = isOwn(name)
      ? "is the mesh's own, which the balancer is in by itself"
      : networks.indexOf(name) === at
        ? undefined
        : "is there already";
    return text === undefined
      ? []
      : [{ path: `balancer.networks[${at}]`, text: `${text}; leave it out, got ${show(name)}` }];
  });
}

function roomProblems(subnet: string, count: number): Problem[] {
  if (count <= roomIn(subnet)) return [];
  return [
    {
      path: "balancer.subnet",
      text: `must have room for the ${count} nodes on the balancer's engine; a larger network has a smaller number after the slash, got ${show(subnet)}`,
    },
  ];
}

function hiddenNodes(subnet: string, nodes: readonly IndexedNode[]): Problem[] {
  const own = parseNetwork(subnet)!;
  const placed = nodes.flatMap(({ at, node }) => {
    const [field, address] = node.address
      ? (["address", node.address] as const)
      : (["host", engineHost(node.host ?? DEFAULT_ENGINE) ?? ""] as const);
    const network = parseNetwork(address);
    return network ? [{ path: `nodes[${at}].${field}`, address, network }] : [];
  });
  const free = freeNetwork([own, ...placed.map(({ network }) => network)]);
  return placed
    .filter(({ network }) => overlap(own, network))
    .map(({ path, address }) => ({
      path,
      text: `must not be in the mesh's own network on the balancer's engine, ${subnet}, which hides it from the balancer; declare another network, such as balancer.subnet: ${free}, or this one if you put the node there, got ${show(address)}`,
    }));
}
