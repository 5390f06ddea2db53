import { addressAt, type Ipv4Network, parseNetwork } from "./ipv4-network.ts";
import { parseIpNetwork } from "./ip-network.ts";

/** An IPv4 address that one machine of a network may have. */
export interface AddressInNetwork {
  address: string;
  network: Ipv4Network;
}

/**
 * Parses "192.168.1.50/24".
 *
 * @returns undefined for all else, also for the network's own address and its broadcast address
 */
export function parseAddressInNetwork(text: string): AddressInNetwork | undefined {
  const [address = "", bits] = text.split("/");
  const around = bits === undefined ? undefined : parseIpNetwork(text);
  const network = around && parseNetwork(`${around.first.toString()}/${around.bits}`);
  if (!network || network.bits < 8 || network.bits > 30) return undefined;
  const last = addressAt(network, 2 ** (32 - network.bits) - 1);
  if (address === network.first.toString() || address === last) return undefined;
  return { address, network };
}
