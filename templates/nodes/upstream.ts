import { isIP } from "node:net";
import { canonicalIp } from "../../config/net/ip-address.ts";
import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import {
  type Argument,
  type Directive,
  because,
  block,
  directive,
  literal,
  print,
} from "../directive.ts";
import { UPSTREAM } from "../variables.ts";
import { hashKey } from "./hash-key.ts";
import { stickiness } from "./sticky.ts";
import { tlsProxySocket } from "./tls-proxy.ts";
import { zoneSize } from "./zone.ts";

/** Stands in the rendered text where the lines of the admitted nodes go. */
export const SERVERS_MARK = "# @admitted-nodes@";

/** Keeps a group valid while no primary is admitted; port 9 is the discard service, never ours. */
export const PLACEHOLDER_SERVER = "server 127.0.0.1:9 down;";

/** How long an address that the resolver gave is taken for true, whatever its TTL says. */
const NAME_VALID = "30s";

const METHODS: Record<BalancerPlan["algorithm"], (balancer: BalancerPlan) => Directive[]> = {
  round_robin: () => [],
  least_conn: () => [directive("least_conn")],
  ip_hash: () => [directive("ip_hash")],
  // Consistent: a node that comes or goes moves its share of the keys, not nearly all of them.
  hash: (balancer) => [directive("hash", hashKey(balancer), "consistent")],
  random: () => [directive("random")],
  random_two_least_conn: () => [directive("random", "two", "least_conn")],
};

/** The group of nodes, and what it needs beside it in the http block. */
export function balancing(balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive[] {
  return [...resolver(balancer), ...nodeNames(balancer, nodes), upstream(balancer, nodes)];
}

function resolver({ resolver: address }: BalancerPlan): Directive[] {
  if (address === undefined) return [];
  const server = literal(isIP(address) === 6 ? `[${address}]` : address);
  return [
    because(
      "the mesh network has no IPv6: an AAAA record would be a node that cannot be reached",
      directive("resolver", server, `valid=${NAME_VALID}`, "ipv6=off"),
    ),
    directive("resolver_timeout", "5s"),
  ];
}

/** The group of nodes; its server lines come from the admissions. */
function upstream(balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive {
  return block(
    "upstream",
    [UPSTREAM],
    [
      because(
        "the state of each node is shared by all workers",
        directive("zone", UPSTREAM, zoneSize(nodes)),
      ),
      // Before the server lines: only then does nginx check that method and "backup" go together.
      ...METHODS[balancer.algorithm](balancer),
      // After the method: nginx wraps what it finds.
      ...stickiness(balancer),
      { name: SERVERS_MARK, args: [] },
      directive("keepalive", balancer.keepalive.connections),
      directive("keepalive_requests", balancer.keepalive.requests),
      directive("keepalive_timeout", `${balancer.keepalive.timeoutSeconds}s`),
    ],
  );
}

/** The line that puts a node into the group. */
export function serverLine(balancer: BalancerPlan, node: NodePlan): string {
  const args: Argument[] = [
    node.tls ? tlsProxySocket(node) : literal(hostPort(node.address, node.port)),
    `weight=${node.weight}`,
    `max_fails=${balancer.maxFails}`,
    `fail_timeout=${balancer.failTimeoutSeconds}s`,
    ...(node.maxConnections > 0 ? [`max_conns=${node.maxConnections}`] : []),
    ...(isResolved(balancer, node) ? ["resolve"] : []),
    ...(node.backup ? ["backup"] : []),
    ...outOfTraffic(node),
  ];
  return print([directive("server", ...args)]).trimEnd();
}

/** Whether the group looks its address up while nginx runs; for a node with TLS its proxy does. */
const isResolved = ({ resolver }: BalancerPlan, { address, tls }: NodePlan) =>
  resolver !== undefined && isIP(address) === 0 && !tls;

/**
 * maintenance is `down` also where clients are sticky: with `drain` they would go on coming for as long as
 * their cookie lives, so that the work on the node could never begin. drain is for those who want just that.
 */
function outOfTraffic({ maintenance, drain }: NodePlan): string[] {
  if (maintenance) return ["down"];
  return drain ? ["drain"] : [];
}

/** Stands in the rendered text where the admitted nodes get their names. */
export const NAMES_MARK = "# @node-names@";

/** $mesh_node: the name of the node that answered, the last one where several were tried; empty where none was. */
const nodeNames = (balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive[] => [
  block(
    "map",
    ["$upstream_addr", "$mesh_upstream"],
    [directive("default", '""'), directive('"~([^ ,]+)$"', "$1")],
  ),
  block(
    "map",
    ["$mesh_upstream", "$mesh_node"],
    [directive("default", '""'), { name: NAMES_MARK, args: [] }, ...renamable(balancer, nodes)],
  ),
];

/**
 * With a resolver a name may lead elsewhere than it did at the node's admission, and nginx tells addresses only:
 * such a node is known by its port, where it is the only one there.
 */
function renamable(balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive[] {
  const named = nodes.filter((node) => isResolved(balancer, node));
  return [...Map.groupBy(named, ({ port }) => port)]
    .filter(([, own]) => own.length === 1)
    .sort(([one], [other]) => one - other)
    .map(([port, [only]]) => directive(`"~:${port}$"`, literal(only!.name)));
}

/** The entry of that map for one address of a node, as nginx prints it in $upstream_addr. */
export function nodeNameEntry(node: string, address: string, port: number): string {
  // Digits, letters, ".", ":", "[" and "]" only, all plain to nginx.
  const printed = hostPort(canonicalIp(address), port);
  return print([directive(`"${printed}"`, literal(node))]).trimEnd();
}

/** The entry of a node that is reached over its TLS proxy. */
export const tlsProxyNameEntry = (node: string): string =>
  print([directive(`"${tlsProxySocket({ name: node })}"`, literal(node))]).trimEnd();
