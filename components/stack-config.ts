import * as pulumi from "@pulumi/pulumi";
import type { OllamaMeshArgs } from "../config/mesh-args.ts";

/**
 * The arguments of a mesh as a stack file declares them: the keys of Pulumi.yaml, a node by its name
 * alone where it needs no more. Nothing is checked here; OllamaMesh does.
 */
export function readStackConfig(config: pulumi.Config): OllamaMeshArgs {
  const nodes = config.requireObject<unknown>("nodes");
  return {
    nodes: Array.isArray(nodes) ? nodes.map(declaredNode) : nodes,
    models: config.getObject("models"),
    // Pulumi.yaml must give every key a default, and a text has no other empty one.
    image: config.get("image") || undefined,
    ollama: withSecretEnvironment(config.getObject("ollama")),
    access: config.get("access") || undefined,
    balancer: config.getObject("balancer"),
    rollout: config.getObject("rollout"),
  } as OllamaMeshArgs;
}

function declaredNode(node: unknown): unknown {
  if (typeof node === "string") return { name: node };
  if (!isObject(node)) return node;
  const settings = ["ollama", "service"].filter((key) => key in node);
  return {
    ...node,
    ...Object.fromEntries(settings.map((key) => [key, withSecretEnvironment(node[key])])),
  };
}

/** Which values of an object in a stack file are `secure` is not told to the program: all of them are kept secret. */
function withSecretEnvironment(settings: unknown): unknown {
  if (!isObject(settings) || !isObject(settings["environment"])) return settings;
  const environment = Object.entries(settings["environment"]).map(([name, value]) => [
    name,
    typeof value === "string" ? pulumi.secret(value) : value,
  ]);
  return { ...settings, environment: Object.fromEntries(environment) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
