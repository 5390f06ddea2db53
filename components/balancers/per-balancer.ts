import type { Alias } from "@pulumi/pulumi";
import { engineKey } from "../../config/names.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";

// Names come from engines and never from a place in a list: two balancers that change places are no change.

/** Name of a resource that each balancer has: that of one of two ends with its host's key. */
export const nameAt = (name: string, { key }: Pick<BalancerPlan, "key">): string =>
  key === undefined ? name : `${name}-${key}`;

/**
 * What such a resource was called before a second balancer came, or while there was one: so that the one that stays is
 * not replaced. Who comes to two machines from one has that one first.
 */
export function formerNames(
  name: string,
  { key, endpoint }: Pick<BalancerPlan, "key" | "endpoint">,
  isFirst: boolean,
): Alias[] {
  if (key === undefined) return [{ name: `${name}-${engineKey(endpoint)}` }];
  return isFirst ? [{ name }] : [];
}
