import { ERROR_PATH, HEALTH_PATH, VERDICT_PATH } from "../../config/routes.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { UPSTREAM } from "../variables.ts";
import { anyOf, literal, type Pattern, pattern } from "../words.ts";

// Pools: several groups of nodes, of which a path or a host name says the one. The path is cut off, so that all that
// follows, from the keys to the routes, is the same for every pool; what differs is the group that requests go to, and
// what the program in nginx knows to be in it.

type Pooling = Pick<BalancerPlan, "pools">;

/** Variable with the name of a request's pool; empty for the default one. Only where pools are declared. */
export const POOL = "$mesh_pool";

/** Variable with the path that was cut off for it. */
const POOL_PATH = "$mesh_pool_path";

/** Name of a pool's group: no name of a host or a container has both a dot and an underscore. */
const groupOf = (pool: string) => `${UPSTREAM}_pool.${pool}`;

const pathsOf = ({ pools = [] }: Pooling): string[] =>
  pools.flatMap(({ path }) => (path === undefined ? [] : path));

/** Name of each group, with its pool and the nodes in it; that of the default pool first. */
export const groups = (
  { pools = [] }: Pooling,
  nodes: readonly NodePlan[],
): { pool?: string; group: string; nodes: NodePlan[] }[] => [
  { group: UPSTREAM, nodes: nodes.filter(({ pool }) => pool === undefined) },
  ...pools.map(({ name }) => ({
    pool: name,
    group: groupOf(name),
    nodes: nodes.filter(({ pool }) => pool === name),
  })),
];

/**
 * To the group of a request's pool.
 *
 * @param path that nodes get; empty for the request's own
 */
export function toGroup({ pools }: Pooling, path = ""): Directive {
  if (!pools) return directive("proxy_pass", literal(`http://${UPSTREAM}${path}`));
  // Behind a variable nginx takes the path as it is, without what follows "?".
  return directive("proxy_pass", `http://$mesh_group${path}${path === "" ? "" : "$is_args$args"}`);
}

/** What the http block needs. */
export function poolMaps({ pools }: Pooling): Directive[] {
  if (!pools) return [];
  const named = pools.filter(({ host }) => host !== undefined);
  return [
    map("$host", "$mesh_pool_by_host", [
      entry("default", '""'),
      ...named.map(({ name, host }) => entry(pattern`^${host!.toLowerCase()}\.?\z`, literal(name))),
    ]),
    map("$uri", POOL, [
      entry("default", "$mesh_pool_by_host"),
      ...pools.flatMap(({ name, path }) =>
        path === undefined ? [] : entry(pattern`^${path}(?:/|\z)`, literal(name)),
      ),
    ]),
    map(POOL, POOL_PATH, [
      entry("default", '""'),
      ...pools.flatMap(({ name, path }) => (path === undefined ? [] : entry(literal(name), path))),
    ]),
    map(POOL, "$mesh_group", [
      entry("default", UPSTREAM),
      ...pools.map(({ name }) => entry(literal(name), groupOf(name))),
    ]),
  ];
}

/** Finds the pool, and cuts its path off: in the server, after the base path and before all else. */
export function cutPoolPath(balancer: Pooling): Directive[] {
  if (!balancer.pools) return [];
  const paths = pathsOf(balancer).map((path) => path.replaceAll(".", "\\."));
  return [
    because(
      "found now and kept: the path that tells of it is cut off",
      directive("set", "$mesh_pool_found", POOL),
    ),
    ...(paths.length === 0
      ? []
      : [
          directive(
            "rewrite",
            `"^(?s)(?:${paths.join("|")})(?:/(?!${ERROR_PATH.slice(1)}/)(.*))?\\z"`,
            "/$1",
          ),
        ]),
  ];
}

/** Whether requests without a pool's path or host name lead nowhere: all nodes are in pools with a name. */
const leadsNowhere = ({ pools }: Pooling, nodes: readonly NodePlan[]): boolean =>
  pools !== undefined && nodes.every(({ pool }) => pool !== undefined);

/** Whether a request leads nowhere: $mesh_nowhere, for what refuses it. */
export function nowhereMap(balancer: Pooling, nodes: readonly NodePlan[]): Directive[] {
  if (!leadsNowhere(balancer, nodes)) return [];
  return [
    map(`"${POOL}:$uri"`, "$mesh_nowhere", [
      entry("default", '""'),
      entry(pattern`^:(?!${HEALTH_PATH}\z|${ERROR_PATH}/|${VERDICT_PATH})`, 1),
    ]),
  ];
}

/** Refuses requests of the default pool where no node is in it; in the server, after the keys. */
export const refuseNowhere = (balancer: Pooling, nodes: readonly NodePlan[]): Directive[] =>
  leadsNowhere(balancer, nodes)
    ? [block("if", ["($mesh_nowhere)"], [directive("return", 404)])]
    : [];

/** Where the pools are, for a message; empty where there are none. */
export const poolPlaces = ({ pools }: Pooling): string =>
  pools ? `; its pools are at ${pools.map(({ path, host }) => path ?? host).join(", ")}` : "";

/** What may stand before the API's own path in the URL that a client wrote, for its pool. */
export function maybePoolPath(balancer: Pooling): Pattern {
  const paths = pathsOf(balancer);
  return paths.length === 0 ? pattern`` : pattern`(?:${anyOf(paths)})?`;
}

/** The same of this request; empty where no pool has a path. */
export const ownPoolPath = (balancer: Pooling): string =>
  pathsOf(balancer).length === 0 ? "" : POOL_PATH;
