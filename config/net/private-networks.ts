import { isIP } from "node:net";
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

/** Whether a host, by name or address, is whoever asks for it. */
export const isWhoAsks = (host: string): boolean =>
  isIP(host) === 0 ? /^(.*\.)?localhost$/i.test(host) : isLoopback(host);

/**
 * Whether Docker hides the clients that come to an address of the host: the mesh network has no IPv6, so what comes over
 * it is handed on by a proxy of Docker's, from the network's gateway, whoever sent it.
 */
export const hidesClients = (address: string): boolean =>
  address.includes(":") && !isLoopback(address);

function isIn(address: string, networks: readonly string[]): boolean {
  const own = parseIpNetwork(address);
  return own !== undefined && networks.some((each) => overlap(own, parseIpNetwork(each)!));
}
