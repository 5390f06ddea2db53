import { isIP } from "node:net";
import type { BalancerArgs, BalancerHostArgs } from "../balancer-args.ts";
import { BALANCER, DEFAULT_ENGINE } from "../defaults.ts";
import { type Known, listenAddresses, portOf } from "../mesh-config.ts";
import { type AddressInNetwork, parseAddressInNetwork } from "../net/address-in-network.ts";
import { canonicalEngine, engineHost } from "../net/engine-endpoint.ts";
import { isUnspecified } from "../net/ip-address.ts";
import { cidr, overlap, parseIpNetwork } from "../net/ip-network.ts";
import { isLoopback } from "../net/private-networks.ts";
import { type Problem, show } from "../problems.ts";
import type { IndexedNode } from "./well-formed.ts";

/** What two balancers, and the address that they share, can't be. */
export function balancerHostsProblems(
  balancer: Known<BalancerArgs>,
  nodes: readonly IndexedNode[],
): Problem[] {
  const { hosts } = balancer;
  if (!hosts) return withoutHosts(balancer);
  return [
    ...(balancer.host === undefined
      ? []
      : [
          { path: "balancer.host", text: "is one of two in balancer.hosts; leave one of them out" },
        ]),
    ...machineProblems(hosts),
    ...listenProblems(balancer),
    ...portProblems(balancer, nodes),
    ...virtualAddressProblems(hosts, balancer),
    ...sharedWithNodes(balancer, nodes),
  ];
}

function withoutHosts({ virtualAddress, ...rest }: Known<BalancerArgs>): Problem[] {
  const of = (["virtualRouterId", "keepalivedImage"] as const).filter(
    (field) => rest[field] !== undefined,
  );
  const needed = "needs balancer.hosts: two machines, one of which has the address";
  return [
    ...(virtualAddress === undefined ? [] : [{ path: "balancer.virtualAddress", text: needed }]),
    ...of.map((field) => ({
      path: `balancer.${field}`,
      text: "has no effect without balancer.virtualAddress; leave it out",
    })),
  ];
}

/** Where clients reach a machine by itself; undefined for one that only a socket leads to. */
export const ownAddress = ({ host, address }: Known<BalancerHostArgs>): string | undefined =>
  address ?? engineHost(host);

function machineProblems(hosts: readonly Known<BalancerHostArgs>[]): Problem[] {
  const problems: Problem[] = [];
  hosts.forEach((host, at) => {
    const path = `balancer.hosts[${at}]`;
    const own = ownAddress(host);
    if (own === undefined) {
      const text = `is missing; from ${host.host} nobody can tell how clients and nodes reach that machine`;
      problems.push({ path: `${path}.address`, text });
    } else if (own === "localhost" || (isIP(own) > 0 && isLoopback(own))) {
      const text = `must be an address at which clients and nodes reach that machine, got ${show(own)}`;
      problems.push({ path: `${path}.address`, text });
    }
  });
  const [first, second] = hosts;
  if (first && second) {
    if (canonicalEngine(first.host) === canonicalEngine(second.host)) {
      const text = `must be another machine than balancer.hosts[0], got ${show(second.host)}`;
      problems.push({ path: "balancer.hosts[1].host", text });
    } else if (isSame(ownAddress(first), ownAddress(second))) {
      const text = `must be another address than that of balancer.hosts[0], got ${show(ownAddress(second))}`;
      problems.push({ path: "balancer.hosts[1].address", text });
    }
    if (first.offline && second.offline) {
      const text = "must not be set on both machines: one of them must be on";
      problems.push({ path: "balancer.hosts[1].offline", text });
    }
  }
  return problems;
}

const isSame = (one: string | undefined, other: string | undefined) =>
  one !== undefined && one.toLowerCase() === other?.toLowerCase();

/** No address but "all" is on both machines; and one that comes later cannot be published on. */
function listenProblems({ listen, management, virtualAddress }: Known<BalancerArgs>): Problem[] {
  const addresses = listenAddresses(listen);
  const all = virtualAddress === undefined ? ["0.0.0.0", "::"] : ["0.0.0.0"];
  return [
    ...(addresses.length === 1 && all.includes(addresses[0]!)
      ? []
      : [
          {
            path: `balancer.listen.${listen?.addresses ? "addresses" : "address"}`,
            text: `must be "0.0.0.0" with balancer.hosts, since no other address is on both machines; see README, Security, got ${show(addresses.join(", "))}`,
          },
        ]),
    ...ofBothProblems("balancer.management.address", management?.address),
  ];
}

/** What is said of an address that only one of the two machines can have. */
export const ofBothProblems = (path: string, address: string | undefined): Problem[] =>
  address === undefined || isLoopback(address) || isUnspecified(address)
    ? []
    : [
        {
          path,
          text: `must be one that both machines of balancer.hosts have: "127.0.0.1", or "0.0.0.0", got ${show(address)}`,
        },
      ];

/** Nodes on the machine of a balancer are published there, beside it. */
function portProblems(
  { hosts = [], listen, tls, management }: Known<BalancerArgs>,
  nodes: readonly IndexedNode[],
): Problem[] {
  const engines = hosts.map(({ host }) => canonicalEngine(host));
  const taken = [listen?.port ?? BALANCER.listen.port, tls?.redirectPort, management?.port];
  return nodes.flatMap(({ at, node }) => {
    const isBeside =
      node.managed !== false && engines.includes(canonicalEngine(node.host ?? DEFAULT_ENGINE));
    if (!isBeside || !taken.includes(portOf(node))) return [];
    const text = `must be another port than those of the balancer on that machine, got ${portOf(node)}`;
    return [{ path: `nodes[${at}].port`, text }];
  });
}

function virtualAddressProblems(
  hosts: readonly Known<BalancerHostArgs>[],
  { virtualAddress, ...balancer }: Known<BalancerArgs>,
): Problem[] {
  if (virtualAddress === undefined) return withoutHosts(balancer);
  const shared = parseAddressInNetwork(virtualAddress);
  return shared ? hosts.flatMap((host, at) => ownProblems(host, at, shared)) : [];
}

/** A node's machine would lose it to a balancer's. */
function sharedWithNodes(
  { virtualAddress = "" }: Known<BalancerArgs>,
  nodes: readonly IndexedNode[],
): Problem[] {
  const shared = parseAddressInNetwork(virtualAddress)?.address;
  return nodes.flatMap(({ at, node }): Problem[] => {
    const addresses = [node.address, engineHost(node.host ?? DEFAULT_ENGINE)];
    if (shared === undefined || !addresses.includes(shared)) return [];
    const text = `must be free, and is the address of nodes[${at}]; declare another one of that network, got ${show(virtualAddress)}`;
    return [{ path: "balancer.virtualAddress", text }];
  });
}

/** The machines tell each other by their own addresses which of them has the virtual one. */
function ownProblems(
  host: Known<BalancerHostArgs>,
  at: number,
  { address, network }: AddressInNetwork,
): Problem[] {
  const own = ownAddress(host);
  if (own === undefined) return [];
  const path = `balancer.hosts[${at}].address`;
  if (own === address) {
    const text = `is balancer.virtualAddress, which must be free; declare the machine's own address, got ${show(own)}`;
    return [{ path, text }];
  }
  const known = isIP(own) === 4 ? parseIpNetwork(own) : undefined;
  if (known && overlap(known, network)) return [];
  const got = host.address === undefined ? `${show(own)} of its host` : show(own);
  return [
    {
      path,
      text: `must be the machine's IPv4 address in ${cidr(network)}, the network of balancer.virtualAddress: an address moves only within one network, got ${got}`,
    },
  ];
}
