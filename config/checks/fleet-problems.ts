import { DEFAULT_ENGINE, ROLLOUT } from "../defaults.ts";
import { type NodeConfig, portOf } from "../mesh-config.ts";
import { engineHost } from "../net/engine-endpoint.ts";
import type { Problem } from "../problems.ts";
import type { WellFormed } from "./well-formed.ts";

/** Docker's names, the log's and the resources' follow from it. */
export function nameProblems({ nodes }: WellFormed): Problem[] {
  const first = new Map<string, number>();
  return nodes.flatMap(({ at, node: { name } }) => {
    const taken = first.get(name);
    if (taken === undefined) first.set(name, at);
    const text = `must be unique, but nodes[${taken}] is "${name}" too`;
    return taken === undefined ? [] : [{ path: `nodes[${at}].name`, text }];
  });
}

/** Two nodes at one address and port are one server, with twice its share. */
export function addressProblems({ nodes, balancer }: WellFormed): Problem[] {
  const first = new Map<string, number>();
  return nodes.flatMap(({ at, node }) => {
    const reached = reachedAt(node, balancer.host ?? DEFAULT_ENGINE);
    if (reached === undefined) return [];
    const taken = first.get(reached);
    if (taken === undefined) first.set(reached, at);
    const path = `nodes[${at}].${node.address === undefined ? "port" : "address"}`;
    const text = `must be unique, but nodes[${taken}] is reached at the same address and port; give one another port`;
    return taken === undefined ? [] : [{ path, text }];
  });
}

/** Address and port outside the mesh network; undefined for a node in it. */
export function reachedAt(node: NodeConfig, balancerEngine: string): string | undefined {
  const engine = node.host ?? DEFAULT_ENGINE;
  if (node.address === undefined && engine === balancerEngine) return undefined;
  return `${(node.address ?? engineHost(engine) ?? engine).toLowerCase()}:${portOf(node)}`;
}

/** Backups stand in for others. */
export function backupProblems({ nodes, allNodesKnown }: WellFormed): Problem[] {
  if (!allNodesKnown || nodes.length === 0 || !nodes.every(({ node }) => node.backup)) return [];
  return [{ path: "nodes", text: "must have a node that is not a backup" }];
}

/** A change must leave a node that serves. */
export function rolloutProblems({ nodes, allNodesKnown, rollout }: WellFormed): Problem[] {
  const { maxUnavailable } = { ...ROLLOUT, ...rollout };
  const managed = nodes.filter(({ node }) => node.managed !== false).length;
  if (!allNodesKnown || managed <= 1 || maxUnavailable < managed) return [];
  const text = `must be below the number of managed nodes (${managed}), or a change takes all of them out, got ${maxUnavailable}`;
  return [{ path: "rollout.maxUnavailable", text }];
}
