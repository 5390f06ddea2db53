import { isSameBalancer } from "../plan/balancer-ref.ts";
import type { RestartInput } from "../steps/nodes/restart.ts";
import { StepError } from "../steps/step-error.ts";
import { NO_MESH, offlineEngines, stackSteps } from "./stack-steps.ts";

/**
 * What a node's own steps were last told, by the stack's state.
 *
 * @param stack default the selected one
 * @throws StepError when no such node is in it
 */
export async function nodeInStack(node: string, stack?: string): Promise<RestartInput> {
  const steps = await stackSteps(stack);
  const admissions = steps.of("admit").filter((each) => each.node === node);
  const [admission] = admissions;
  if (!admission) {
    const names = steps.of("admit").map((each) => each.node);
    throw new StepError(
      names.length > 0
        ? `the stack has no node ${node}; it has ${names.sort().join(", ")}`
        : NO_MESH,
    );
  }
  const meshes = new Set(admissions.map(({ balancer }) => balancer.container));
  if (meshes.size > 1) {
    throw new StepError(
      `several meshes of the stack have a node ${node}; restart it by docker restart, on ${[...meshes].join(" or ")}`,
    );
  }
  const readies = steps.of("ready").filter((each) => each.node === node);
  const off = offlineEngines(steps);
  // Of two balancers one may be switched off.
  const places = admissions
    .filter(({ balancer }) => !off.has(balancer.endpoint))
    .flatMap((at) => {
      const ready = readies.find((each) => isSameBalancer(each.balancer, at.balancer));
      return ready ? [{ ready, admission: at }] : [];
    });
  const [first, second] = places;
  if (!first) {
    throw new StepError(
      `node ${node} is not managed: the mesh does not run it; restart it yourself`,
    );
  }
  return second ? { ...first, second } : first;
}
