import type { WellFormed } from "../checks/well-formed.ts";
import type { BalancerArgs, PoolArgs } from "../balancer-args.ts";
import type { Known } from "../mesh-config.ts";
import { type Problem, show } from "../problems.ts";
import { hiddenBelow } from "../checks/route-problems.ts";

/** Pools that no client could ask for, or that two things would answer; and nodes of pools that are not there. */
export function poolProblems({
  balancer,
  nodes,
  allNodesKnown,
  poolsKnown,
}: WellFormed): Problem[] {
  const { pools = [] } = balancer;
  const names = pools.map(({ name }) => name);
  const unknown = nodes.flatMap(({ at, node: { pool } }) => {
    if (!poolsKnown || pool === undefined || names.includes(pool)) return [];
    const there =
      names.length > 0 ? `, one of ${[...new Set(names)].join(", ")}` : "; there is none";
    return [
      {
        path: `nodes[${at}].pool`,
        text: `must be a pool of balancer.pools${there}, got ${show(pool)}`,
      },
    ];
  });
  const used = new Set(nodes.map(({ node }) => node.pool));
  const empty = pools.flatMap(({ name }, at) =>
    !allNodesKnown || used.has(name)
      ? []
      : [
          {
            path: `balancer.pools[${at}].name`,
            text: `must be the pool of a node, or its clients get 503 for ever: set nodes[].pool, or leave it out, got ${show(name)}`,
          },
        ],
  );
  return [...unknown, ...empty, ...pools.flatMap((pool, at) => ownProblems(pool, at, balancer))];
}

/** Of one pool beside those before it. */
function ownProblems(pool: PoolArgs, at: number, balancer: Known<BalancerArgs>): Problem[] {
  const { name, path, host } = pool;
  const own = `balancer.pools[${at}]`;
  const before = balancer.pools!.slice(0, at);
  const problems: Problem[] = [];
  const add = (field: string, text: string, value: string) =>
    problems.push({ path: `${own}.${field}`, text: `${text}, got ${show(value)}` });
  if ((path === undefined) === (host === undefined)) {
    problems.push({ path: own, text: "must have either a path or a host" });
  }
  const named = before.findIndex((other) => other.name === name);
  if (named >= 0)
    add("name", `must be unique, but ${own.replace(/\d+/, `${named}`)} has the same`, name);
  const hosted = before.findIndex((other) => host !== undefined && isSame(other.host, host));
  if (hosted >= 0) {
    add("host", `must be unique, but ${own.replace(/\d+/, `${hosted}`)} has the same`, host!);
  }
  if (path === undefined) return problems;
  const taken = before.findIndex((other) => other.path !== undefined && overlap(other.path, path));
  if (taken >= 0) {
    add(
      "path",
      `must neither be nor begin with another pool's (${own.replace(/\d+/, `${taken}`)}), nor that with it`,
      path,
    );
  }
  const { basePath } = balancer;
  if (basePath !== undefined && overlap(basePath, path)) {
    add(
      "path",
      `must neither be nor begin with balancer.basePath (${basePath}), nor that with it: below basePath pools have their paths as well`,
      path,
    );
  }
  const hidden = hiddenBelow(path, balancer);
  if (hidden !== undefined) {
    add(
      "path",
      `must not be the begin of a route: ${hidden} could not be asked for any more`,
      path,
    );
  }
  return problems;
}

const isSame = (one: string | undefined, other: string) =>
  one?.toLowerCase() === other.toLowerCase();

/** Whether one path is the other, or above it. */
const overlap = (one: string, other: string) =>
  `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
