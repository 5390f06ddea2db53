import { isIP } from "node:net";
import { hostPort, type BalancerPlan, type NodePlan } from "../components/plan.ts";
import {
  because,
  block,
  directive,
  literal,
  print,
  type Argument,
  type Directive,
} from "./directive.ts";

/** Stands in the rendered text where the lines of the admitted nodes go. */
export const SERVERS_MARK = "# @admitted-nodes@";

/** Keeps a group valid while no primary is admitted; port 9 is the discard service, never ours. */
export const PLACEHOLDER_SERVER = "server 127.0.0.1:9 down;";

/** Name of the group of nodes. */
export const UPSTREAM = "ollama";

const METHODS: Record<BalancerPlan["algorithm"], Directive | undefined> = {
  round_robin: undefined,
  least_conn: directive("least_conn"),
  ip_hash: directive("ip_hash"),
  random_two_least_conn: directive("random", "two", "least_conn"),
};

/** The group of nodes; its server lines come from the admissions. */
export function upstream(balancer: BalancerPlan): Directive {
  const method = METHODS[balancer.algorithm];
  return block(
    "upstream",
    [UPSTREAM],
    [
      because(
        "the state of each node is shared by all workers; 512k holds 616 servers",
        directive("zone", UPSTREAM, "512k"),
      ),
      // Before the server lines: only then does nginx check that method and "backup" go together.
      ...(method ? [method] : []),
      { name: SERVERS_MARK, args: [] },
      directive("keepalive", balancer.keepalive.connections),
      directive("keepalive_timeout", `${balancer.keepalive.timeoutSeconds}s`),
    ],
  );
}

/** The line that puts a node into the group. */
export function serverLine(balancer: BalancerPlan, node: NodePlan): string {
  const args: Argument[] = [
    literal(hostPort(node.address, node.port)),
    `weight=${node.weight}`,
    `max_fails=${balancer.maxFails}`,
    `fail_timeout=${balancer.failTimeoutSeconds}s`,
    ...(node.maxConnections > 0 ? [`max_conns=${node.maxConnections}`] : []),
    ...(node.backup ? ["backup"] : []),
    ...(node.maintenance ? ["down"] : []),
  ];
  return print([directive("server", ...args)]).trimEnd();
}

/** Stands in the rendered text where the admitted nodes get their names. */
export const NAMES_MARK = "# @node-names@";

/** $mesh_node: the name of the node that answered, the last one where several were tried. */
export const nodeNames = (): Directive =>
  block(
    "map",
    ["$upstream_addr", "$mesh_node"],
    [directive("default", '""'), { name: NAMES_MARK, args: [] }],
  );

/** The entry of that map for one address of a node, as nginx prints it in $upstream_addr. */
export function nodeNameEntry(node: string, address: string, port: number): string {
  const printed =
    isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
  const pattern = hostPort(printed, port).replace(/[.[\]]/g, "\\$&");
  return print([directive(`"~(^|[ ,])${pattern}$"`, literal(node))]).trimEnd();
}
