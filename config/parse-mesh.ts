import { combinationProblems } from "./checks/node-problems.ts";
import type { MeshConfig, IndexedNode, WellFormed } from "./mesh-config.ts";
import { ConfigurationError } from "./problems.ts";
import { balancerSchema } from "./schema/balancer-schema.ts";
import { fieldProblems } from "./schema/field-problems.ts";
import { meshSchema, rolloutSchema } from "./schema/mesh-schema.ts";
import { nodeSchema } from "./schema/node-schema.ts";

/**
 * Checks the arguments of a mesh and returns them.
 *
 * @param name of the mesh, from which its network follows; without it that is not checked
 * @throws ConfigurationError naming every problem at once
 */
export function parseMesh(given: unknown, name?: string): MeshConfig {
  const input = withoutUndefined(given);
  const parsed = meshSchema.safeParse(input);
  const problems = [
    ...(parsed.success ? [] : fieldProblems(parsed.error, input)),
    ...combinationProblems(wellFormed(input), name),
  ];
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new ConfigurationError(problems);
}

/** A setting that is undefined is one that was left out; as a value it would hide the default. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [key, withoutUndefined(inner)]),
  );
}

function wellFormed(input: unknown): WellFormed {
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
    balancer: balancerSchema.safeParse(given["balancer"] ?? {}).data ?? {},
    rollout: rolloutSchema.safeParse(given["rollout"] ?? {}).data ?? {},
    ollama:
      meshSchema.safeParse({ nodes: [{ name: "a" }], ollama: given["ollama"] }).data?.ollama ?? {},
  };
}
