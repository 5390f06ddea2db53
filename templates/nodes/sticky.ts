import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, type Directive, directive } from "../directive.ts";
import { STICKY } from "../tuning.ts";
import { literal } from "../words.ts";
import { requestVariable } from "./hash-key.ts";

/**
 * Keeps a client on its node, while that takes requests; else it moves to another and stays there.
 *
 * By cookie the node is named in the cookie itself. By header nginx remembers which node answered which value:
 * clients keep their node when others come and go, and new ones go where the algorithm says, neither of which a
 * hash of the header does.
 *
 * @param pool absent for the default one; the memory of values is each one's own
 */
export function stickiness(balancer: BalancerPlan, pool?: string): Directive[] {
  const { sticky, tls } = balancer;
  if (!sticky) return [];
  if (sticky.cookie !== undefined) {
    return [
      directive(
        "sticky",
        "cookie",
        literal(sticky.cookie),
        `expires=${sticky.expiresSeconds}s`,
        `path=${cookiePath(balancer, pool)}`,
        "httponly",
        "samesite=lax",
        ...(tls ? ["secure"] : []),
      ),
    ];
  }
  const id = requestVariable("header", sticky.header!);
  return [
    because(
      '"header": remembered from the first byte on, not only when the answer is complete',
      directive(
        "sticky",
        "learn",
        `create=${id}`,
        `lookup=${id}`,
        `zone=mesh_sessions${pool === undefined ? "" : `_${pool}`}:${STICKY.zone}`,
        `timeout=${sticky.expiresSeconds}s`,
        "header",
      ),
    ),
  ];
}

/**
 * Each pool has nodes of its own, so a client has a cookie for each that a path leads to. Below a base path there is one for
 * all: nginx takes no variable here, and clients may come by the pool's path alone, too.
 */
function cookiePath({ basePath, pools = [] }: BalancerPlan, pool?: string): string {
  const own = pools.find(({ name }) => name === pool)?.path;
  return basePath === undefined && own !== undefined ? `${own}/` : "/";
}
