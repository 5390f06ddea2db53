import { isIPv4 } from "node:net";

/** An IPv4 network: its first address as a number, and the bits of its mask. */
export interface Ipv4Network {
  base: number;
  bits: number;
}

/** Parses "10.1.16.0/20", or one address; undefined when it is neither. */
export function parseNetwork(text: string): Ipv4Network | undefined {
  const [ip = "", mask = "32", ...rest] = text.split("/");
  const bits = Number(mask);
  if (!isIPv4(ip) || !/^\d+$/.test(mask) || bits > 32 || rest.length > 0) return undefined;
  const base = ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return base % 2 ** (32 - bits) === 0 ? { base, bits } : undefined;
}

/** Whether the two have an address in common: one is then inside the other. */
export function overlap(a: Ipv4Network, b: Ipv4Network): boolean {
  const size = 2 ** (32 - Math.min(a.bits, b.bits));
  return Math.floor(a.base / size) === Math.floor(b.base / size);
}

/** 172.30.0.0/20 to 172.19.240.0/20: Docker itself takes them from the other end, and clouds like 172.31. */
const PROPOSED: readonly Ipv4Network[] = Array.from({ length: 192 }, (_, i) => {
  const place = (30 - Math.floor(i / 16)) * 2 ** 16 + (i % 16) * 2 ** 12;
  return { base: 172 * 2 ** 24 + place, bits: 20 };
});

/** A /20 that overlaps none of these, in CIDR form. */
export function freeNetwork(taken: readonly Ipv4Network[]): string {
  const free = PROPOSED.find((network) => !taken.some((other) => overlap(network, other)));
  return cidr(free ?? PROPOSED[0]!);
}

/** The address that a number stands for. */
export const dotted = (ip: number): string =>
  [24, 16, 8, 0].map((bits) => Math.floor(ip / 2 ** bits) % 256).join(".");

/** A network as "10.1.16.0/20". */
export const cidr = ({ base, bits }: Ipv4Network): string => `${dotted(base)}/${bits}`;
