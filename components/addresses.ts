import { cidr, dotted } from "./ipv4-network.ts";
import { shortHash } from "./names.ts";
import { parseSubnet } from "./patterns.ts";

/** Addresses below this offset are kept for the gateway (1) and the balancer (2). */
const FIRST_NODE = 16;

/** The mesh network and the addresses in it. */
export interface Addresses {
  subnet: string;
  gateway: string;
  balancer: string;
  /** By node name. */
  nodes: ReadonlyMap<string, string>;
}

/** A /20 inside 10.0.0.0/8 by the mesh's name: meshes on one engine hardly ever meet, and the same mesh always gets the same. */
export function defaultSubnet(mesh: string): string {
  const place = Number.parseInt(shortHash(mesh, 8), 16) % 4096;
  return cidr({ base: 10 * 2 ** 24 + place * 2 ** 12, bits: 20 });
}

/** How many nodes a subnet has room for. */
export const roomIn = (subnet: string) => 2 ** (32 - parseSubnet(subnet)!.bits) - FIRST_NODE - 1;

/**
 * Gives each node an address by its name, so that adding or removing one moves no other; where two
 * names meet (1 in 4,000 pairs), the later in the alphabet takes the next free address.
 */
export function assignAddresses(subnet: string, names: readonly string[]): Addresses {
  const network = parseSubnet(subnet);
  if (!network) throw new RangeError(`not a subnet: ${subnet}`);
  const size = roomIn(subnet);
  if (names.length > size) throw new RangeError(`${subnet} has no room for ${names.length} nodes`);
  const nodes = new Map<string, string>();
  const taken = new Set<number>();
  for (const name of names.toSorted()) {
    let place = Number.parseInt(shortHash(name, 8), 16) % size;
    while (taken.has(place)) place = (place + 1) % size;
    taken.add(place);
    nodes.set(name, dotted(network.base + FIRST_NODE + place));
  }
  return { subnet, gateway: dotted(network.base + 1), balancer: dotted(network.base + 2), nodes };
}
