import type { NotObserved, ObservedMesh } from "./observed-mesh.ts";
import type { MeshPlan } from "../../plan/mesh-plan.ts";

/**
 * Which admissions the turn of each node waits for, by name.
 *
 * Only what serves has to be changed by turns. Nodes that do not (new ones, and those that an earlier change
 * left out) come first, all at once: they take nothing out of traffic, and when one of them fails nothing that
 * serves has been touched. Then those that serve, `maxUnavailable` at a time: a change stops at the first
 * that does not come back, and the others go on as they were. When a balancer cannot be asked, all wait.
 *
 * @param observed of two balancers both; a node that only one of them has in traffic comes before those that both have
 */
export function rolloutOrder(
  { nodes, rollout }: Pick<MeshPlan, "nodes" | "rollout">,
  observed: readonly (ObservedMesh | NotObserved)[],
): Map<string, string[]> {
  const own = nodes.flatMap(({ name, container, offline }) => (container && !offline ? name : []));
  const servesAt = (name: string) => (one: ObservedMesh | NotObserved) =>
    one === "unknown" || (one !== "none" && name in one.state.servers);
  let before = own.filter((name) => !observed.some(servesAt(name)));
  const order = new Map(before.map((name): [string, string[]] => [name, []]));
  const [everywhere, somewhere] = [
    own.filter((name) => observed.every(servesAt(name))),
    own.filter((name) => observed.some(servesAt(name)) && !observed.every(servesAt(name))),
  ];
  const serving = [...somewhere, ...everywhere];
  for (let at = 0; at < serving.length; at += rollout.maxUnavailable) {
    const batch = serving.slice(at, at + rollout.maxUnavailable);
    for (const name of batch) order.set(name, before);
    before = batch;
  }
  return order;
}
