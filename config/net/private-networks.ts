import { parseIpNetwork, overlap } from "./ip-network.ts";

/**
 * Loopback, private, carrier's and IPv6's link-local addresses: this machine's, or a private network's;
 * whether a network is private in truth nobody can tell from here.
 */
export const PRIVATE_NETWORKS = [
  ...["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"],
  ...["::1", "fc00::/7", "fe80::/10"],
] as const;

const LOOPBACK = ["127.0.0.0/8", "::1"] as const;

/** Whether an IP address is of one of those networks. */
export const isPrivate = (address: string): boolean => isIn(address, PRIVATE_NETWORKS);

/** Whether an IP address leads to its own machine only. */
export const isLoopback = (address: string): boolean => isIn(address, LOOPBACK);

function isIn(address: string, networks: readonly string[]): boolean {
  const own = parseIpNetwork(address);
  return own !== undefined && networks.some((each) => overlap(own, parseIpNetwork(each)!));
}
