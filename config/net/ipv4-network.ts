import type ipaddr from "ipaddr.js";
import { canonicalIp } from "./ip-address.ts";
import { type IpNetwork, overlap, parseIpNetwork } from "./ip-network.ts";

/** An IPv4 network, such as Docker gives its containers. */
export interface Ipv4Network extends IpNetwork {
  first: ipaddr.IPv4;
}

/** Parses "10.1.16.0/20", or one address; undefined when it is neither, or has bits behind the mask. */
export function parseNetwork(text: string): Ipv4Network | undefined {
  const network = parseIpNetwork(text);
  if (!network || !isIpv4(network)) return undefined;
  return network.first.toString() === canonicalIp(text.split("/")[0]!) ? network : undefined;
}

const isIpv4 = (network: IpNetwork): network is Ipv4Network => network.first.kind() === "ipv4";

/** 172.30.0.0/20 to 172.19.240.0/20: Docker itself takes them from the other end, and clouds like 172.31. */
const PROPOSED = Array.from(
  { length: 192 },
  (_, i) => `172.${30 - Math.floor(i / 16)}.${(i % 16) * 16}.0/20`,
);

/** A /20 that overlaps none of these, in CIDR form; the first of all where every one is taken. */
export function freeNetwork(taken: readonly IpNetwork[]): string {
  const isFree = (text: string) => {
    const network = parseNetwork(text)!;
    return !taken.some((other) => overlap(network, other));
  };
  return PROPOSED.find(isFree) ?? PROPOSED[0]!;
}

/**
 * The address that comes so many after a network's first one.
 *
 * @throws RangeError when there is none
 */
export function addressAt({ first }: Ipv4Network, distance: number): string {
  const bytes = Buffer.from(first.octets);
  bytes.writeUInt32BE(bytes.readUInt32BE() + distance);
  return bytes.join(".");
}
