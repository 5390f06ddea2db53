import { ownAddress } from "../config/checks/balancer-hosts-problems.ts";
import type { MeshConfig } from "../config/mesh-config.ts";
import { virtualAddressContainer } from "../config/names.ts";
import { parseAddressInNetwork } from "../config/net/address-in-network.ts";
import { shortHash } from "../config/short-hash.ts";

/** How one of two machines shares an address with the other one, by VRRP. */
export interface VirtualAddress {
  /** Of the container with keepalived. */
  container: string;
  /** Image with keepalived; absent where one is built on the engine. */
  image?: string;
  /** The address alone. */
  address: string;
  /** The same with its network, as "192.168.1.50/24". */
  inNetwork: string;
  /** VRRP's number for it. */
  routerId: number;
  /** Which of the two has it at the beginning: the higher one. */
  priority: number;
  /** The machine's own address in that network, and that of the other one. */
  own: string;
  peer: string;
}

/** VRRP's middle, and its neighbour: 255 is for who owns an address for good. */
const PRIORITIES = [150, 100] as const;

/** What follows for one of two machines; undefined where no address is declared. */
export function planVirtualAddress(
  mesh: string,
  { balancer = {} }: MeshConfig,
  at: number,
): VirtualAddress | undefined {
  const { hosts = [], virtualAddress, virtualRouterId, keepalivedImage } = balancer;
  if (virtualAddress === undefined) return undefined;
  return {
    container: virtualAddressContainer(mesh),
    ...(keepalivedImage === undefined ? {} : { image: keepalivedImage }),
    address: parseAddressInNetwork(virtualAddress)!.address,
    inNetwork: virtualAddress,
    routerId: virtualRouterId ?? (Number.parseInt(shortHash(mesh, 8), 16) % 255) + 1,
    priority: PRIORITIES[at]!,
    own: ownAddress(hosts[at]!)!,
    peer: ownAddress(hosts[1 - at]!)!,
  };
}
