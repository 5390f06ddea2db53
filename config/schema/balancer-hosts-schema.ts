import { z } from "zod";
import type { BalancerHostArgs } from "../balancer-args.ts";
import { parseAddressInNetwork } from "../net/address-in-network.ts";
import { address, engine, flag, type Shape } from "./patterns.ts";

const balancerHost: Shape<BalancerHostArgs> = z.strictObject(
  { host: engine, address: address.exactOptional(), offline: flag().exactOptional() },
  "must be an object as {host: ssh://ops@rack1}",
);

const TWO = "must be two machines; one alone is declared as balancer.host";

/** The machines of two balancers. */
export const balancerHosts = z.array(balancerHost, "must be a list of two machines").length(2, TWO);

const IN_NETWORK = 'must be an IPv4 address with its network as "192.168.1.50/24"';

/** An address that a machine may have, and the network that it is in. */
export const addressInNetwork = z
  .string(IN_NETWORK)
  .refine((text) => parseAddressInNetwork(text), IN_NETWORK);
