// Three equal nodes whose containers are changed, and what is looked at while that happens.
import { expect } from "vitest";

import { containers } from "./containers.ts";
import { labConfig, model } from "./lab.ts";
import { failures, load, served } from "./load.ts";
import type { Ran } from "./pulumi.ts";
import type { Stack, StackConfig } from "./stack.ts";

/** Nodes a, b and c. */
export const NODES = [
  { name: "a", weight: 2 },
  { name: "b", weight: 1 },
  { name: "c", weight: 1 },
] as const;

/** A node's config with an environment of its own. */
export const withEnvironment = (node: object, environment: Record<string, string>) => ({
  ...node,
  ollama: { environment },
});

/**
 * A mesh of such nodes.
 *
 * @param environment of all nodes: a change of it replaces their containers
 */
export const rollConfig = (
  nodes: readonly object[] = NODES,
  environment: Record<string, string> = {},
): StackConfig =>
  labConfig({ nodes, ollama: { environment }, rollout: { readyTimeoutSeconds: 10 } });

/** A mesh of nodes a and b; another roll replaces a's container. */
export const rollOfPair = (roll: string): StackConfig =>
  rollConfig([withEnvironment({ name: "a" }, { ROLL: roll }), { name: "b" }], {});

/** Requires that an up after one that did not end brings that mesh, and both nodes answer. */
export async function requireConverged(stack: Stack, roll: string): Promise<void> {
  const ran = await stack.tryUp();
  expect(ran.code, ran.output).toBe(0);
  expect(await environmentOf(stack.mesh, "ROLL")).toEqual({ a: roll, b: undefined });
  await requireServing(stack, "a", "b");
}

/** What was done to the nodes, as "op node part", other resources left out. */
export function nodeChanges({ changes }: Ran): string[] {
  return changes.flatMap((change) => {
    const [, op, node, part = "container"] =
      /^(\S+) .*-([a-d])(?:-(turn|ready|admission))?$/.exec(change) ?? [];
    return op ? [`${op} ${node} ${part}`] : [];
  });
}

/** The nodes in the order in which they were worked on: "a,b,c" means one after the other. */
export function order(ran: Ran): string {
  const nodes = nodeChanges(ran).map((change) => change.split(" ")[1]);
  return nodes.filter((node, i) => node !== nodes[i - 1]).join();
}

/** The value of a variable in the container of each node. */
export async function environmentOf(mesh: string, name: string): Promise<object> {
  const { balancer: _, "balancer-nginx": __, ...nodes } = await containers(mesh);
  return Object.fromEntries(
    Object.entries(nodes).map(([node, { environment }]) => [
      node,
      environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1),
    ]),
  );
}

/** Requires that these nodes answer, all of them and no other, without a failure. */
export async function requireServing({ url }: Stack, ...nodes: string[]): Promise<void> {
  // More than the fastest ones have places for, or the others would have nothing to do.
  const atATime = 8 * nodes.length;
  const total = 4 * atATime;
  const outcomes = await load({ url, model: model(), tokens: 128, atATime, total });
  expect(failures(outcomes)).toEqual([]);
  expect(Object.keys(served(outcomes))).toEqual(nodes);
}
