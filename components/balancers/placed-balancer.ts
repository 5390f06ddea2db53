import type { Input } from "@pulumi/pulumi";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { LoadBalancer } from "../load-balancer.ts";
import type { NotObserved, ObservedMesh } from "../observed/observed-mesh.ts";
import { leftAlone, type StepOptions } from "../step.ts";
import { formerNames, nameAt } from "./per-balancer.ts";

/** A balancer of a mesh, and how it stands at the moment. */
export interface PlacedBalancer {
  plan: BalancerPlan;
  /** Whether it is the first of the list: the one that was there before there were two. */
  isFirst: boolean;
  observed: ObservedMesh | NotObserved;
  /** Where others find it: as its plan has it, but for a name that ssh alone may know, which is as the ssh config has it. */
  url: Promise<string>;
  component: LoadBalancer;
}

/** One that can be asked: not all are switched off. */
export const oneThatIsOn = <T extends { plan: BalancerPlan }>(balancers: readonly T[]): T =>
  balancers.find(({ plan }) => !plan.offline)!;

/** Name and options of a step that a node takes at one of its balancers; left alone while that is switched off. */
export function stepAt(
  name: string,
  { plan, isFirst }: PlacedBalancer,
  options: StepOptions,
): [name: string, options: StepOptions] {
  const aliases = formerNames(name, plan, isFirst);
  return [nameAt(name, plan), { ...options, aliases, ...leftAlone(plan.offline ?? false) }];
}

/** What replaces such a step: nothing while the machine is off, or the engine would take it down with the node's container. */
export const triggersAt = (
  { plan }: PlacedBalancer,
  triggers: Input<unknown>[] | undefined,
): Input<unknown>[] | undefined => (plan.offline ? undefined : triggers);
