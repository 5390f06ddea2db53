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
 */
export function stickiness({ sticky, tls }: BalancerPlan): Directive[] {
  if (!sticky) return [];
  if (sticky.cookie !== undefined) {
    return [
      directive(
        "sticky",
        "cookie",
        literal(sticky.cookie),
        `expires=${sticky.expiresSeconds}s`,
        "path=/",
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
        `zone=mesh_sessions:${STICKY.zone}`,
        `timeout=${sticky.expiresSeconds}s`,
        "header",
      ),
    ),
  ];
}
