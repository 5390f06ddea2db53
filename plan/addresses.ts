import { addressAt, parseNetwork } from "../config/net/ipv4-network.ts";
import { shortHash } from "../config/short-hash.ts";
import { FIRST_NODE, parseSubnet, roomIn } from "../config/subnet.ts";

/** The mesh network and the addresses in it. */
export interface Addresses {
  subnet: string;
  gateway: string;
  balancer: string;
  /** By node name. */
  nodes: ReadonlyMap<string, string>;
}

/**
 * Gives each node an address by its name, so that adding or removing one moves no other; where two
 * names meet (1 in 4,000 pairs), the later in the alphabet takes the next free address.
 *
 * @throws RangeError for what is no subnet, or has no room: parseMesh lets neither through
 */
export function assignAddresses(subnet: string, names: readonly string[]): Addresses {
  const network = parseSubnet(subnet);
  if (!network) throw new RangeError(`not a subnet: ${subnet}`);
  const size = roomIn(subnet);
  if (names.length > size) throw new RangeError(`${subnet} has no room for ${names.length} nodes`);
  const nodes = new Map<string, string>();
  const taken = new Set<number>();
  for (const name of names.toSorted()) {
    let offset = Number.parseInt(shortHash(name, 8), 16) % size;
    while (taken.has(offset)) offset = (offset + 1) % size;
    taken.add(offset);
    nodes.set(name, addressAt(network, FIRST_NODE + offset));
  }
  return { subnet, gateway: addressAt(network, 1), balancer: addressAt(network, BALANCER), nodes };
}

/** The balancer's place in the mesh network, and those kept free for one beside it, while its ports change. */
const BALANCER = 2;
const BESIDE = [6, 7, 8, 9];

/**
 * Addresses that a balancer may have, the first of them before all others.
 *
 * @throws RangeError for what is no address
 */
export function balancerAddresses(first: string): string[] {
  const place = parseNetwork(first);
  if (!place) throw new RangeError(`not an address: ${first}`);
  return [BALANCER, ...BESIDE].map((each) => addressAt(place, each - BALANCER));
}

/** What watches a mesh, by its place in the mesh network. */
const WATCHERS = { prometheus: 3, grafana: 4, alertmanager: 5 } as const;

/** One of the programs that watch a mesh. */
export type Watching = keyof typeof WATCHERS;

/**
 * Address of what watches a mesh, in its network.
 *
 * @throws RangeError for what is no subnet: parseMesh lets none through
 */
export function watcherAddress(subnet: string, program: Watching): string {
  const network = parseSubnet(subnet);
  if (!network) throw new RangeError(`not a subnet: ${subnet}`);
  return addressAt(network, WATCHERS[program]);
}
