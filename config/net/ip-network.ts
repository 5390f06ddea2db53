import ipaddr from "ipaddr.js";
import { type IpAddress, parseIp } from "./ip-address.ts";

/** A network, IPv4 or IPv6: its first address, and how many bits all of its addresses share. */
export interface IpNetwork {
  first: IpAddress;
  bits: number;
}

/** Parses "192.168.0.0/16", "fd00::/8" or one address; bits behind the mask do not count. Undefined for all else. */
export function parseIpNetwork(text: string): IpNetwork | undefined {
  const [ip = "", mask, ...rest] = text.split("/");
  const address = parseIp(ip);
  if (!address || rest.length > 0) return undefined;
  const ofOne = address.kind() === "ipv4" ? 32 : 128;
  const bits = mask === undefined ? ofOne : Number(mask);
  if (!/^\d{1,3}$/.test(mask ?? "0") || bits > ofOne) return undefined;
  const { IPv4, IPv6 } = ipaddr;
  const family = address.kind() === "ipv4" ? IPv4 : IPv6;
  return { first: family.networkAddressFromCIDR(`${address.toString()}/${bits}`), bits };
}

/** A network as "10.1.16.0/20". */
export const cidr = ({ first, bits }: IpNetwork): string => `${first.toString()}/${bits}`;

/** Whether the two have an address in common: one is then inside the other. */
export const overlap = (a: IpNetwork, b: IpNetwork): boolean =>
  a.first.kind() === b.first.kind() && a.first.match(b.first, Math.min(a.bits, b.bits));
