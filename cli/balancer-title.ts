import type { BalancerRef } from "../plan/balancer-ref.ts";

/**
 * What a person is told a balancer by: its container, with its engine where several have one of that name, as two
 * balancers of one mesh do.
 *
 * @param all the balancers of the stack, with this one
 */
export const balancerTitle = (
  { container, endpoint }: Pick<BalancerRef, "container" | "endpoint">,
  all: readonly Pick<BalancerRef, "container">[],
): string =>
  all.filter((other) => other.container === container).length > 1
    ? `${container} on ${endpoint}`
    : container;
