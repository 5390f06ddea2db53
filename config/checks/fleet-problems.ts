import { BALANCER, DEFAULT_ENGINE, HOST_GATEWAY, MONITORING, ROLLOUT } from "../defaults.ts";
import {
  isAttached,
  isGuarded,
  listenAddresses,
  type NodeConfig,
  meshEngine,
  portOf,
} from "../mesh-config.ts";
import { byPool, poolNamed } from "../pools/pool-groups.ts";
import { guardResource } from "../names.ts";
import { parseAddressInNetwork } from "../net/address-in-network.ts";
import { canonicalEngine, engineHost } from "../net/engine-endpoint.ts";
import { hostPort } from "../net/host-port.ts";
import { canonicalIp, isUnspecified } from "../net/ip-address.ts";
import { isLoopback } from "../net/private-networks.ts";
import { type Problem, show } from "../problems.ts";
import { ofBothProblems, ownAddress } from "./balancer-hosts-problems.ts";
import type { IndexedNode, WellFormed } from "./well-formed.ts";

/** Docker's names, the log's and the resources' follow from it. */
export function nameProblems(mesh: WellFormed): Problem[] {
  const { nodes } = mesh;
  const first = new Map<string, number>();
  const guards = new Map(
    nodes
      .filter(({ node }) => isGuarded(mesh, node))
      .map(({ at, node }) => [guardResource(node.name), at]),
  );
  return nodes.flatMap(({ at, node: { name, managed } }) => {
    const path = `nodes[${at}].name`;
    const taken = first.get(name);
    if (taken === undefined) first.set(name, at);
    else return [{ path, text: `must be unique, but nodes[${taken}] is "${name}" too` }];
    const guarded = managed === false ? undefined : guards.get(name);
    const text = `must be another name: what guards nodes[${guarded}], with access: balancerOnly, is called so, got ${show(name)}`;
    return guarded === undefined ? [] : [{ path, text }];
  });
}

/** Two nodes at one address and port are one server, with twice its share. */
export function addressProblems({ nodes, balancer }: WellFormed): Problem[] {
  const first = new Map<string, number>();
  return nodes.flatMap(({ at, node }) => {
    const reached = reachedAt(node, meshEngine(balancer));
    if (reached === undefined) return [];
    const taken = first.get(reached);
    if (taken === undefined) first.set(reached, at);
    const path = `nodes[${at}].${node.address === undefined ? "port" : "address"}`;
    const text = `must be unique, but nodes[${taken}] is reached at the same address and port; give one another port`;
    return taken === undefined ? [] : [{ path, text }];
  });
}

/** What would send requests to itself: a server's port that was forgotten, on the machine where the balancer has the usual one. */
export function loopProblems({
  nodes,
  balancer,
}: Pick<WellFormed, "nodes" | "balancer">): Problem[] {
  const { listen, tls, virtualAddress = "" } = balancer;
  const ports = [listen?.port ?? BALANCER.listen.port, tls?.redirectPort];
  const addresses = listenAddresses(listen).map(canonicalIp);
  const own = new Set<string | undefined>([
    // What is at a loopback address is out of reach: see reachProblems.
    ...addresses.filter((each) => !isLoopback(each)),
    ...(balancer.hosts?.map(ownAddress) ?? []),
    parseAddressInNetwork(virtualAddress)?.address,
    ...(addresses.some(isUnspecified)
      ? [HOST_GATEWAY, engineHost(balancer.host ?? DEFAULT_ENGINE)]
      : []),
  ]);
  return nodes.flatMap(({ at, node }): Problem[] => {
    const { managed, address, maintenance, offline } = node;
    if (managed !== false || address === undefined || maintenance || offline) return [];
    if (!own.has(address) || !ports.includes(portOf(node))) return [];
    const place = hostPort(address, portOf(node));
    const text = `must be that of another server: at ${place} the balancer itself listens; declare the port at which yours does`;
    return [{ path: `nodes[${at}].port`, text }];
  });
}

/**
 * Address and port outside the mesh network; undefined for a node in it.
 *
 * @param attaching the engine whose nodes are, see meshEngine
 */
export function reachedAt(node: NodeConfig, attaching: string | undefined): string | undefined {
  const engine = node.host ?? DEFAULT_ENGINE;
  if (node.address === undefined && engine === attaching) return undefined;
  return `${(node.address ?? engineHost(engine) ?? engine).toLowerCase()}:${portOf(node)}`;
}

/** By two spellings one engine would be two hosts, and each would take away the container in which the other downloads models. */
export function spellingProblems({ nodes }: WellFormed): Problem[] {
  const first = new Map<string, IndexedNode>();
  return nodes.flatMap((own): Problem[] => {
    const { at, node } = own;
    if (node.managed === false || node.service || node.host === undefined) return [];
    const engine = canonicalEngine(node.host);
    const other = first.get(engine) ?? own;
    first.set(engine, other);
    const text = `must be written as nodes[${other.at}].host, since it is the same engine: ${show(other.node.host)}, got ${show(node.host)}`;
    return other.node.host === node.host ? [] : [{ path: `nodes[${at}].host`, text }];
  });
}

/** Backups stand in for others. */
export function backupProblems({ nodes, allNodesKnown }: WellFormed): Problem[] {
  if (!allNodesKnown) return [];
  return [...byPool(nodes, ({ node }) => node)]
    .filter(([, own]) => own.every(({ node }) => node.backup))
    .map(([pool]) => ({
      path: "nodes",
      text: `must have a node that is not a backup${ofPool(pool)}`,
    }));
}

/** A change must leave a node that serves. */
export function rolloutProblems({ nodes, allNodesKnown, rollout }: WellFormed): Problem[] {
  const { maxUnavailable } = { ...ROLLOUT, ...rollout };
  const managed = nodes.filter(({ node }) => node.managed !== false);
  if (!allNodesKnown) return [];
  return [...byPool(managed, ({ node }) => node)]
    .filter(([, { length }]) => length > 1 && length <= maxUnavailable)
    .map(([pool, { length }]) => ({
      path: "rollout.maxUnavailable",
      text: `must be below the number of managed nodes${ofPool(pool)} (${length}), or a change takes all of them out, got ${maxUnavailable}`,
    }));
}

/** Nothing of the default pool, which is all nodes where no pools are declared. */
const ofPool = (pool: string | undefined) => (pool === undefined ? "" : ` in ${poolNamed(pool)}`);

/** The models of a host are downloaded once, for all its nodes. */
export function modelsPathProblems({ nodes }: WellFormed): Problem[] {
  const ollama = nodes.filter(({ node }) => node.managed !== false && !node.service);
  const hosts = Map.groupBy(ollama, ({ node }) => node.host ?? DEFAULT_ENGINE);
  return [...hosts.values()].flatMap((own) => {
    const first = own.find(({ node }) => node.modelsPath !== undefined);
    if (!first) return [];
    const { modelsPath } = first.node;
    return own
      .filter(({ node }) => node.modelsPath !== modelsPath)
      .map(({ at, node }) => ({
        path: `nodes[${at}].modelsPath`,
        text: `must be that of nodes[${first.at}], whose host is the same, ${show(modelsPath)}, got ${show(node.modelsPath)}`,
      }));
  });
}

/** It needs counters, and ports of its own on the balancer's machine. */
export function monitoringProblems({ monitoring, balancer, nodes }: WellFormed): Problem[] {
  if (!monitoring) return [];
  const { prometheusPort, grafanaPort, grafana } = { ...MONITORING, ...monitoring };
  const { listen, tls, management, host = DEFAULT_ENGINE, hosts } = balancer;
  const engines = (hosts?.map((each) => each.host) ?? [host]).map(canonicalEngine);
  const taken = new Map<number | undefined, string>([
    [management?.port, "balancer.management.port"],
    [tls?.redirectPort, "balancer.tls.redirectPort"],
    [listen?.port ?? BALANCER.listen.port, "balancer.listen.port"],
    ...nodes.flatMap(({ at, node }): [number, string][] =>
      node.managed !== false &&
      engines.includes(canonicalEngine(node.host ?? DEFAULT_ENGINE)) &&
      !isAttached(node, meshEngine(balancer))
        ? [[portOf(node), `nodes[${at}].port`]]
        : [],
    ),
  ]);
  const problems = hosts ? ofBothProblems("monitoring.address", monitoring.address) : [];
  const own = [
    ["monitoring.prometheusPort", prometheusPort],
    ...(grafana ? [["monitoring.grafanaPort", grafanaPort] as const] : []),
  ] as const;
  for (const [path, port] of own) {
    const other = taken.get(port);
    if (other !== undefined) {
      problems.push({ path, text: `must be another port than ${other}, got ${port}` });
    }
    taken.set(port, path);
  }
  if (balancer.routing === "plain") {
    problems.push({
      path: "monitoring",
      text: "needs balancer.routing models: with plain nginx counts nothing; leave one of them out",
    });
  }
  return problems;
}

/** nginx's image with the module that traces, of the version that is the default. */
export const TRACING_IMAGE = `${BALANCER.image}-otel`;

/** The default image cannot trace; what another one can is asked of it, before anything is changed. */
export const tracingProblems = ({ balancer: { tracing, image } }: WellFormed): Problem[] =>
  tracing && image === undefined
    ? [
        {
          path: "balancer.tracing",
          text: `needs nginx's ngx_otel_module, which the default image has not; declare balancer.image ${TRACING_IMAGE}`,
        },
      ]
    : [];
