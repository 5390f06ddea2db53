import * as pulumi from "@pulumi/pulumi";
import type { OllamaMeshArgs } from "./mesh-args.ts";
import { parseMesh, type MeshConfig } from "./mesh-config.ts";
import { planMesh, type MeshPlan, type NodePlan } from "./plan.ts";
import { NAME } from "./mesh-schema.ts";
import { ConfigurationError, dotPath, show, type Problem } from "./problems.ts";

// Which resources exist must be known before the program runs; a few values inside them may be
// another resource's outputs. A stand-in takes the place of those while the rest is checked.

/** Stands in for an Output; undefined where none may be. No two addresses are the same. */
function standIn(path: readonly PropertyKey[]): string | undefined {
  const field = path.at(-1);
  if (field === "image") return "known-later";
  if (field === "address" && path[0] === "nodes") return `known-later-${String(path[1])}.invalid`;
  if (path.at(-2) === "environment") return "known later";
  return undefined;
}

function withStandIns(value: unknown, path: PropertyKey[], problems: Problem[]): unknown {
  if (pulumi.Output.isInstance(value) || value instanceof Promise) {
    const stand = standIn(path);
    if (stand === undefined) {
      problems.push({
        path: dotPath(path),
        text: "must be a plain value, not another resource's output: it decides which resources exist",
      });
    }
    return stand;
  }
  if (Array.isArray(value))
    return value.map((item, i) => withStandIns(item, [...path, i], problems));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      withStandIns(inner, [...path, key], problems),
    ]),
  );
}

/** The plan, and what of it may be known later. */
export interface KnownLater {
  /** With stand-ins: for names, counts and everything that decides which resources exist. */
  plan: MeshPlan;
  config: MeshConfig;
  /** By node name, as it will be. */
  nodes: Map<string, pulumi.Output<NodePlan>>;
}

/**
 * Checks the arguments of a mesh and plans it.
 *
 * @throws ConfigurationError naming every problem at once
 */
export function planArgs(name: string, args: OllamaMeshArgs): KnownLater {
  const problems: Problem[] = [];
  if (!NAME.test(name)) {
    const text = `must be lower-case letters, digits and "-", up to 40, since Docker names begin with it, got ${show(name)}`;
    problems.push({ path: "name of the mesh", text });
  }
  const plain = withStandIns(args, [], problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const config = parseMesh(plain);
  const plan = planMesh(name, config);
  const nodes = new Map(
    plan.nodes.map((node, i): [string, pulumi.Output<NodePlan>] => {
      const { address, image } = args.nodes[i]!;
      const values = pulumi.output({ address, image, meshImage: args.image });
      return [node.name, values.apply((known) => planWith(name, config, i, known))];
    }),
  );
  return { plan, config, nodes };
}

/** What of a node another resource may supply, once known. */
interface KnownValues {
  address: string | undefined;
  image: string | undefined;
  meshImage: string | undefined;
}

/** The plan of one node with the values that are known now, checked again. */
function planWith(name: string, config: MeshConfig, at: number, known: KnownValues): NodePlan {
  const node = { ...config.nodes[at]!, address: known.address, image: known.image };
  try {
    const checked = parseMesh({
      ...config,
      image: known.meshImage,
      nodes: config.nodes.with(at, node as MeshConfig["nodes"][number]),
    });
    return planMesh(name, checked).nodes[at]!;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // Only a RunError is shown without a stack when it is thrown this late.
    const refusal = new pulumi.RunError(error.message);
    refusal.stack = refusal.message; // see ollama-mesh.ts
    throw refusal;
  }
}
