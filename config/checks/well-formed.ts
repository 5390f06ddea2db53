import type { MeshConfig, NodeConfig } from "../mesh-config.ts";
import { balancerSchema } from "../schema/balancer-schema.ts";
import { accessOfNodes, rolloutSchema } from "../schema/mesh-schema.ts";
import { monitoringSchema } from "../schema/monitoring-schema.ts";
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
  /** Whether the balancer is fine by itself, and so its pools are those that are declared. */
  poolsKnown: boolean;
  /** Absent where none is declared. */
  access?: NonNullable<MeshConfig["access"]>;
  balancer: NonNullable<MeshConfig["balancer"]>;
  rollout: NonNullable<MeshConfig["rollout"]>;
  ollama: NonNullable<MeshConfig["ollama"]>;
  /** Absent where none is declared. */
  monitoring?: NonNullable<MeshConfig["monitoring"]>;
}

/** All of arguments that are fine. */
export const allOf = ({
  nodes,
  access,
  balancer,
  rollout,
  ollama,
  monitoring,
}: MeshConfig): WellFormed => ({
  nodes: nodes.map((node, at) => ({ at, node })),
  allNodesKnown: true,
  poolsKnown: true,
  ...(access ? { access } : {}),
  balancer: balancer ?? {},
  rollout: rollout ?? {},
  ollama: ollama ?? {},
  ...(monitoring ? { monitoring } : {}),
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
  const balancer = balancerSchema.safeParse(given["balancer"] ?? {});
  const access = accessOfNodes.safeParse(given["access"]).data;
  return {
    nodes,
    allNodesKnown: nodes.length === list.length,
    poolsKnown: balancer.success,
    ...(access ? { access } : {}),
    balancer: balancer.data ?? {},
    rollout: rolloutSchema.safeParse(given["rollout"]).data ?? {},
    ollama: ollamaSchema.safeParse(given["ollama"]).data ?? {},
    ...declaredMonitoring(given["monitoring"]),
  };
}

function declaredMonitoring(given: unknown): Pick<WellFormed, "monitoring"> {
  const { data } = monitoringSchema.safeParse(given);
  return data ? { monitoring: data } : {};
}
