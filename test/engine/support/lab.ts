// Images and model of this machine, and one mesh of them for all tests of a file.
import { afterAll, beforeAll, beforeEach } from "vitest";

import { lacking, need } from "../../support/needs.ts";
import { lastWords } from "./containers.ts";
import { Stack, type StackConfig, type StackOptions } from "./stack.ts";

const NEEDS = ["OLLAMA_MESH_OLLAMA_IMAGE", "OLLAMA_MESH_NGINX_IMAGE", "OLLAMA_MESH_MODEL"] as const;

/** An Ollama image. */
export const ollamaImage = () => process.env["OLLAMA_MESH_OLLAMA_IMAGE"]!;
/** An nginx image of the version that the mesh needs. */
export const nginxImage = () => process.env["OLLAMA_MESH_NGINX_IMAGE"]!;
/** A small model that a node of the image has or can pull. */
export const model = () => process.env["OLLAMA_MESH_MODEL"]!;

/** Two primaries 2:1 and a backup. */
export const LAB_NODES = [
  { name: "a", weight: 2 },
  { name: "b", weight: 1 },
  { name: "c", backup: true },
];

/** Config of the lab's mesh, with what is given on top. */
export function labConfig(over: StackConfig = {}): StackConfig {
  return {
    nodes: LAB_NODES,
    models: [model()],
    image: ollamaImage(),
    ...over,
    balancer: { image: nginxImage(), ...(over["balancer"] as object) },
  };
}

/**
 * Prepares the tests of a file where the machine has a lab; elsewhere they are skipped, with the reason.
 *
 * @param prepare runs before the first test
 */
export function atLab(prepare: () => Promise<void>): void {
  beforeAll(async () => {
    if (!lacking(...NEEDS)) await prepare();
  }, 600_000);
  beforeEach((context) => NEEDS.forEach((name) => need(context, name)));
}

/**
 * One stack for all tests of the file, gone after them.
 *
 * @param config made when the tests begin
 * @param options `up` brings the mesh up before the first test
 */
export function stackOfFile(
  config: () => StackConfig,
  options: StackOptions & { up: boolean },
): () => Stack {
  let stack: Stack | undefined;
  atLab(async () => {
    stack = await Stack.init(config(), options);
    if (options.up) await stack.up();
  });
  // A failure that load alone brings is not to be had again: what its containers said goes with them.
  beforeEach(({ onTestFailed }) =>
    onTestFailed(async () => {
      if (stack) console.error(await lastWords(stack.mesh));
    }),
  );
  afterAll(async () => stack?.[Symbol.asyncDispose]());
  return () => stack!;
}

/** A model of the mesh that takes seconds for an answer: the lab's own, else the real one. */
export async function slowModel(url: string): Promise<string> {
  const response = await fetch(`${url}/api/tags`);
  const { models } = (await response.json()) as { models: { name: string }[] };
  return models.some(({ name }) => name === "slow:latest") ? "slow" : model();
}
