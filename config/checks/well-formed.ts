import type { MeshConfig, NodeConfig } from "../mesh-config.ts";
import { balancerSchema } from "../schema/balancer-schema.ts";
import { rolloutSchema } from "../schema/mesh-schema.ts";
import { nodeSchema, ollamaSchema } from "../schema/node-schema.ts";

/** A node that is fine in itself, with its place in the list. */
export interface IndexedNode {
  at: number;
  node: NodeConfig;
}

/** Those parts of the arguments that are fine by themselves, so that their combination can be checked although others are not. */
export interface WellFormed {
  nodes: IndexedNode[];
  allNodesKnown: boolean;
  balancer: NonNullable<MeshConfig["balancer"]>;
  rollout: NonNullable<MeshConfig["rollout"]>;
  ollama: NonNullable<MeshConfig["ollama"]>;
}

/** All of arguments that are fine. */
export const allOf = ({ nodes, balancer, rollout, ollama }: MeshConfig): WellFormed => ({
  nodes: nodes.map((node, at) => ({ at, node })),
  allNodesKnown: true,
  balancer: balancer ?? {},
  rollout: rollout ?? {},
  ollama: ollama ?? {},
});

/** What is fine of arguments that are not. */
export function wellFormed(input: unknown): WellFormed {
  const given = (typeof input === "object" && input !== null ? input : {}) as Record<
    string,
    unknown
  >;
  const list = Array.isArray(given["nodes"]) ? given["nodes"] : [];
  const nodes = list.flatMap((item, at): IndexedNode[] => {
    const node = nodeSchema.safeParse(item);
    return node.success ? [{ at, node: node.data }] : [];
  });
  return {
    nodes,
    allNodesKnown: nodes.length === list.length,
    balancer: balancerSchema.safeParse(given["balancer"]).data ?? {},
    rollout: rolloutSchema.safeParse(given["rollout"]).data ?? {},
    ollama: ollamaSchema.safeParse(given["ollama"]).data ?? {},
  };
}
