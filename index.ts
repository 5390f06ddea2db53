import * as pulumi from "@pulumi/pulumi";
import { OllamaMesh, type OllamaMeshArgs } from "./components/index.ts";

// The stack's config is checked by OllamaMesh; here it is only handed over. A node may be written
// as its name alone.
const config = new pulumi.Config();
const declared = config.requireObject<unknown[]>("nodes");
const mesh = new OllamaMesh(`${pulumi.getProject()}-${pulumi.getStack()}`, {
  nodes: declared.map((node) => (typeof node === "string" ? { name: node } : node)),
  models: config.getObject("models"),
  image: config.get("image") || undefined,
  ollama: config.getObject("ollama"),
  balancer: config.getObject("balancer"),
  rollout: config.getObject("rollout"),
} as OllamaMeshArgs);

export const endpoint = mesh.endpoint;
export const nodes = mesh.nodes;
export const curl = mesh.curl;
