import type { BalancerArgs } from "../balancer-args.ts";
import { type Known, listenAddresses } from "../mesh-config.ts";
import { parseIpNetwork } from "../net/ip-network.ts";
import { hidesClients, isLoopback } from "../net/private-networks.ts";
import type { Problem } from "../problems.ts";

/** Settings that go by a client's address, where nobody can know it or where it can be one only. */
export function clientProblems(balancer: Known<BalancerArgs>): Problem[] {
  const addresses = listenAddresses(balancer.listen);
  const hiding = addresses.find(hidesClients);
  if (hiding !== undefined) {
    return goingByAddress(balancer).map((path) => ({
      path,
      text: `goes by the client's address, which cannot be known at ${hiding}: over IPv6 Docker hands clients on by an address of its own; use keys (balancer.access.apiKeys), or listen on 0.0.0.0 or an IPv4 address of the host`,
    }));
  }
  return addresses.every(isLoopback) ? lockedOut(balancer, addresses.join(", ")) : [];
}

/** The settings that go by the client's address, as declared. */
export function goingByAddress({
  access = {},
  algorithm,
  hashKey,
}: Pick<Known<BalancerArgs>, "access" | "algorithm" | "hashKey">): string[] {
  const { allow, deny, trustedProxies, limits, apiKeys } = access;
  return [
    ...(allow?.length ? ["balancer.access.allow"] : []),
    ...(deny?.length ? ["balancer.access.deny"] : []),
    ...(trustedProxies?.length ? ["balancer.access.trustedProxies"] : []),
    ...(limits && !apiKeys?.length ? ["balancer.access.limits"] : []),
    ...(algorithm === "ip_hash" ? ["balancer.algorithm"] : []),
    ...(hashKey === "client" ? ["balancer.hashKey"] : []),
  ];
}

/** At a loopback address all clients are the machine itself, unless a proxy there tells of others. */
function lockedOut({ access = {} }: Known<BalancerArgs>, address: string): Problem[] {
  const { allow = [], deny = [], trustedProxies = [] } = access;
  if (trustedProxies.length > 0) return [];
  const own = parseIpNetwork("127.0.0.1")!.first;
  const holds = (networks: readonly string[]) =>
    networks.some((text) => {
      const { first, bits } = parseIpNetwork(text)!;
      return first.kind() === own.kind() && own.match(first, bits);
    });
  const why = `all clients that come to ${address} are 127.0.0.1, this machine itself`;
  const out = "listen on 0.0.0.0 or another address of the host (balancer.listen.address)";
  return [
    ...(allow.length > 0 && !holds(allow)
      ? [
          {
            path: "balancer.access.allow",
            text: `must hold 127.0.0.1, or nobody may come in: ${why}; add it, or ${out}`,
          },
        ]
      : []),
    ...(holds(deny)
      ? [
          {
            path: "balancer.access.deny",
            text: `must not hold 127.0.0.1, or nobody may come in: ${why}; leave it out, or ${out}`,
          },
        ]
      : []),
  ];
}
