import { isIP } from "node:net";
import type { BalancerArgs } from "../balancer-args.ts";
import { BALANCER, DEFAULT_ENGINE, MANAGEMENT_ADDRESS } from "../defaults.ts";
import {
  isAttached,
  type Known,
  listenAddresses,
  meshEngine,
  type NodeConfig,
  portOf,
} from "../mesh-config.ts";
import { canonicalEngine, engineHost } from "../net/engine-endpoint.ts";
import { addressesMeet, canonicalIp } from "../net/ip-address.ts";
import type { Problem } from "../problems.ts";
import { reachedAt } from "../checks/fleet-problems.ts";
import type { WellFormed } from "../checks/well-formed.ts";

/** A port that Docker publishes on a machine. */
interface Published {
  /** Whose it is, as declared. */
  path: string;
  ip: string;
  port: number;
  /** Where a node is reached; absent for the balancer's. */
  reached?: string | undefined;
}

/**
 * Docker gives a port of a machine away once. Of two machines see balancerHostsProblems; two nodes at one address are
 * addressProblems.
 */
export function publishedProblems({ nodes, balancer }: Pick<WellFormed, "nodes" | "balancer">) {
  const attaching = meshEngine(balancer);
  const taken = new Map<string, Published[]>();
  if (!balancer.hosts)
    taken.set(canonicalEngine(balancer.host ?? DEFAULT_ENGINE), portsOf(balancer));
  return nodes.flatMap(({ at, node }): Problem[] => {
    const own = publishedBy(node, at, attaching);
    if (!own) return [];
    const engine = canonicalEngine(node.host ?? DEFAULT_ENGINE);
    const there = taken.get(engine) ?? [];
    taken.set(engine, [...there, own]);
    const other = there.find((each) => each.port === own.port && addressesMeet(each.ip, own.ip));
    if (!other || other.reached === own.reached) return [];
    const text = `must be another port than that of ${other.path}, which is published on the same machine, got ${own.port}`;
    return [{ path: `nodes[${at}].port`, text }];
  });
}

/** At the declared address where that is one of the host's, else at all: as planNode has it. */
function publishedBy(
  node: NodeConfig,
  at: number,
  attaching: string | undefined,
): Published | undefined {
  if (node.managed === false || isAttached(node, attaching)) return undefined;
  const address = node.address ?? engineHost(node.host ?? DEFAULT_ENGINE) ?? "";
  // It stands for an address that is known later.
  if (address.endsWith(".invalid")) return undefined;
  return {
    path: `nodes[${at}]`,
    ip: isIP(address) ? canonicalIp(address) : ALL,
    port: portOf(node),
    reached: reachedAt(node, attaching),
  };
}

function portsOf({ listen, tls, management }: Known<BalancerArgs>): Published[] {
  const addresses = listenAddresses(listen).map(canonicalIp);
  const front = (path: string, port: number | undefined) =>
    port === undefined ? [] : addresses.map((ip) => ({ path, ip, port }));
  const { address = MANAGEMENT_ADDRESS, port } = management ?? {};
  return [
    ...front("balancer.listen", listen?.port ?? BALANCER.listen.port),
    ...front("balancer.tls.redirectPort", tls?.redirectPort),
    ...(port === undefined
      ? []
      : [{ path: "balancer.management", ip: canonicalIp(address), port }]),
  ];
}

const ALL = "0.0.0.0";
