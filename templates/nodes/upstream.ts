import { isIP } from "node:net";
import { NODE } from "../../config/defaults.ts";
import { canonicalIp } from "../../config/net/ip-address.ts";
import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import {
  because,
  block,
  type Directive,
  type Entry,
  directive,
  entry,
  map,
  print,
  slot,
} from "../directive.ts";
import { type Argument, literal, pattern, quoted } from "../words.ts";
import { RESOLVER } from "../tuning.ts";
import { groups } from "./pools.ts";
import { refusingServer, routedBySticky } from "./routed-group.ts";
import { hashKey } from "./hash-key.ts";
import { hasHop, isLookedUpAgain, isNameInGroup } from "./node-address.ts";
import { isRouted, routerSettings } from "./routed-node.ts";
import { stickiness } from "./sticky.ts";
import { hopSocket } from "./hop.ts";
import { zoneSize } from "./zone.ts";

/** Keeps a group valid while no primary is admitted; port 9 is the discard service, never ours. */
export const PLACEHOLDER_SERVER = "server 127.0.0.1:9 down;";

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
  return [
    ...resolver(balancer),
    ...nodeNames(balancer, nodes),
    ...groups(balancer, nodes).map((each) => upstream(balancer, each)),
  ];
}

function resolver({ resolver: address }: BalancerPlan): Directive[] {
  if (address === undefined) return [];
  const server = literal(isIP(address) === 6 ? `[${address}]` : address);
  return [
    because(
      "the mesh network has no IPv6: an AAAA record would be a node that cannot be reached",
      directive("resolver", server, `valid=${RESOLVER.valid}`, "ipv6=off"),
    ),
    directive("resolver_timeout", RESOLVER.timeout),
  ];
}

/** The group of a pool; its server lines come from the admissions. */
function upstream(
  balancer: BalancerPlan,
  { pool, group, nodes }: ReturnType<typeof groups>[number],
): Directive {
  return block(
    "upstream",
    [group],
    [
      because(
        "the state of each node is shared by all workers",
        directive("zone", group, zoneSize(nodes)),
      ),
      // Before the server lines: only then does nginx check that method and "backup" go together.
      ...METHODS[balancer.algorithm](balancer),
      // After the method: nginx wraps what it finds.
      ...(isRouted(balancer)
        ? routedBySticky(routerSettings(balancer).session)
        : stickiness(balancer, pool)),
      slot(pool === undefined ? "servers" : `servers:${pool}`),
      ...(isRouted(balancer) ? [refusingServer()] : []),
      directive("keepalive", balancer.keepalive.connections),
      directive("keepalive_requests", balancer.keepalive.requests),
      directive("keepalive_timeout", `${balancer.keepalive.timeoutSeconds}s`),
    ],
  );
}

/**
 * The line that puts a node into the group.
 *
 * @throws RangeError for an address that nginx cannot hold
 */
export function serverLine(balancer: BalancerPlan, node: NodePlan): string {
  const args: Argument[] = [
    literal(hasHop(node) ? hopSocket(node) : hostPort(node.address, node.port)),
    `weight=${node.weight ?? NODE.weight}`,
    `max_fails=${balancer.maxFails}`,
    `fail_timeout=${balancer.failTimeoutSeconds}s`,
    ...(node.maxConnections > 0 ? [`max_conns=${node.maxConnections}`] : []),
    ...(isResolved(balancer, node) ? ["resolve"] : []),
    ...(node.backup ? ["backup"] : []),
    ...outOfTraffic(node),
  ];
  return print([directive("server", ...args)]).trimEnd();
}

/**
 * Whether a server line is a backup's. Asked of the line and of nothing beside it: lines of any version lie in the
 * volumes of running balancers.
 */
export const isBackup = (line: string): boolean =>
  line.replace(/;$/, "").split(" ").slice(2).includes("backup");

/** Whether the group looks its address up while nginx runs; for a node with a hop that does. */
const isResolved = (balancer: BalancerPlan, node: NodePlan) =>
  isLookedUpAgain(balancer, node) && isNameInGroup(node);

/**
 * maintenance is `down` also where clients are sticky: with `drain` they would go on coming for as long as
 * their cookie lives, so that the work on the node could never begin. drain is for those who want just that.
 */
function outOfTraffic({ maintenance, drain }: NodePlan): string[] {
  if (maintenance) return ["down"];
  return drain ? ["drain"] : [];
}

/** $mesh_node: the name of the node that answered, the last one where several were tried; empty where none was. */
const nodeNames = (balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive[] => [
  map("$upstream_addr", "$mesh_upstream", [
    entry("default", '""'),
    entry(pattern`([^ ,]+)$`, "$1"),
  ]),
  map("$mesh_upstream", "$mesh_node", [
    entry("default", '""'),
    slot("names"),
    ...renamable(balancer, nodes),
  ]),
];

/**
 * With a resolver a name may lead elsewhere than it did at the node's admission, and nginx tells addresses only:
 * such a node is known by its port, where it is the only one there.
 */
function renamable(balancer: BalancerPlan, nodes: readonly NodePlan[]): Entry[] {
  const named = nodes.filter((node) => isResolved(balancer, node));
  return [...Map.groupBy(named, ({ port }) => port)]
    .filter(([, own]) => own.length === 1)
    .sort(([one], [other]) => one - other)
    .map(([port, [only]]) => entry(pattern`:${port}$`, literal(only!.name)));
}

/** The entry of that map for one address of a node, as nginx prints it in $upstream_addr. */
export function nodeNameEntry(node: string, address: string, port: number): string {
  // Digits, letters, ".", ":", "[" and "]" only, all plain to nginx.
  return print([entry(quoted(hostPort(canonicalIp(address), port)), literal(node))]).trimEnd();
}

/** The entry of a node that is reached over its hop. */
export const hopNameEntry = (node: string): string =>
  print([entry(quoted(hopSocket({ name: node })), literal(node))]).trimEnd();
