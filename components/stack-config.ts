import * as pulumi from "@pulumi/pulumi";
import type { OllamaMeshArgs } from "../config/mesh-args.ts";

/**
 * The arguments of a mesh as a stack file declares them: the keys of Pulumi.yaml, a node by its name
 * alone where it needs no more. Nothing is checked here; OllamaMesh does.
 */
export function readStackConfig(config: pulumi.Config): OllamaMeshArgs {
  const nodes = declared(config, "nodes");
  const settings = {
    nodes: Array.isArray(nodes) ? nodes.map(declaredNode) : nodes,
    models: config.getObject("models"),
    // Pulumi.yaml must give every key a default, and a text has no other empty one.
    image: config.get("image") || undefined,
    ollama: withSecretEnvironment(config.getObject("ollama")),
    access: config.get("access") || undefined,
    balancer: declaredBalancer(config.getObject("balancer")),
    rollout: config.getObject("rollout"),
    // Nothing is none: {} is a monitoring with every default.
    monitoring: declared(config, "monitoring"),
  };
  return { ...otherKeys(config, Object.keys(settings)), ...settings } as OllamaMeshArgs;
}

/** What stands under a key that has no type in Pulumi.yaml: text that is no JSON is that text. */
function declared(config: pulumi.Config, key: string): unknown {
  const text = config.get(key);
  if (!text) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Keys of the stack file that are no settings, without their values: OllamaMesh names them with all other mistakes. */
function otherKeys(config: pulumi.Config, known: string[]): Record<string, true> {
  const prefix = `${config.name}:`;
  const keys = Object.keys(pulumi.runtime.allConfig())
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
  return Object.fromEntries(keys.filter((key) => !known.includes(key)).map((key) => [key, true]));
}

function declaredNode(node: unknown): unknown {
  // A number is told to be put in quotes, as every other name that is none to YAML.
  if (typeof node !== "object") return { name: node };
  if (!isObject(node)) return node;
  const settings = ["ollama", "service"].filter((key) => key in node);
  return {
    ...node,
    ...Object.fromEntries(settings.map((key) => [key, withSecretEnvironment(node[key])])),
  };
}

/** Its machines by their engines alone where they need no more. */
function declaredBalancer(balancer: unknown): unknown {
  if (!isObject(balancer) || !Array.isArray(balancer["hosts"])) return balancer;
  const hosts = balancer["hosts"].map((host) => (typeof host === "object" ? host : { host }));
  return { ...balancer, hosts };
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
