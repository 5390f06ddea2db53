import { isIPv6 } from "node:net";
import { certificateNames } from "../config/net/certificate-names.ts";
import { listenAddresses } from "../config/mesh-config.ts";
import { hostOf } from "../config/net/host-port.ts";
import { NETWORK_ALIAS } from "../config/names.ts";
import { isUnspecified } from "../config/net/ip-address.ts";
import { isLoopback } from "../config/net/private-networks.ts";
import type { BalancerPlan } from "./balancer-plan.ts";

/**
 * The names and addresses by which the balancer is known: the declared ones, that which the stack gives out, and its
 * certificate's, in lower case. Containers of networks that it joins know it by its name there.
 */
export function ownNames(balancer: BalancerPlan): string[] {
  const { listen, tls, networks, pools = [], virtualAddress } = balancer;
  const declared = [
    ...givenOut(balancer),
    virtualAddress?.address,
    ...pools.map(({ host }) => host),
    ...(networks?.length ? [NETWORK_ALIAS] : []),
    ...listenAddresses(listen).filter((each) => !isUnspecified(each)),
  ];
  const hosts = declared.flatMap((host) =>
    host === undefined ? [] : isIPv6(host) ? `[${host.toLowerCase()}]` : host.toLowerCase(),
  );
  return [...new Set([...hosts, ...certificateNames(tls?.certificate)])].sort();
}

/** What stands in the outputs endpoint and endpoints; of the user's own machine nothing, where each one is localhost to itself. */
const givenOut = ({ address, urls }: BalancerPlan): (string | undefined)[] => [
  address,
  ...urls.map(hostOf).filter((host) => host !== "localhost"),
];

/**
 * Whether the name that a client uses is looked at: of a listener that only programs of this machine reach, and that asks
 * them for nothing. A page could make its own name lead there (DNS rebinding), and would be no foreign page then. The names
 * of a certificate in a file of the host are not known here; a browser holds a page to them by itself.
 */
export const checksHosts = ({ listen, access, tls }: BalancerPlan): boolean =>
  listenAddresses(listen).every(isLoopback) &&
  tls?.certificateFile === undefined &&
  !access.apiKeys?.length &&
  !access.trustedProxies?.length;
