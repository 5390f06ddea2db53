import { type Ipv4Network, parseNetwork } from "./net/ipv4-network.ts";
import { shortHash } from "./short-hash.ts";

/** Addresses below this offset are kept for the gateway (1), the balancer (2) and what watches it (3 to 5). */
export const FIRST_NODE = 16;

/** A /20 inside 10.0.0.0/8 by the mesh's name: meshes on one engine hardly ever meet, and the same mesh always gets the same. */
export function defaultSubnet(mesh: string): string {
  const place = Number.parseInt(shortHash(mesh, 8), 16) % 4096;
  return `10.${Math.floor(place / 16)}.${(place % 16) * 16}.0/20`;
}

/** How many nodes a subnet has room for. */
export const roomIn = (subnet: string) => 2 ** (32 - parseSubnet(subnet)!.bits) - FIRST_NODE - 1;

/** Parses "10.1.16.0/20"; undefined when it is no network of a size that fits. */
export function parseSubnet(text: string): Ipv4Network | undefined {
  const network = text.includes("/") ? parseNetwork(text) : undefined;
  return network && network.bits >= 16 && network.bits <= 24 ? network : undefined;
}
