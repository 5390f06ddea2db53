import type { TestContext } from "vitest";

/** What a test may need of the machine, by environment variable; test/all.mjs sets those that it could prepare. */
const NEEDS = {
  OLLAMA_MESH_NGINX_IMAGE: "an nginx image on a Docker engine",
  OLLAMA_MESH_OLLAMA_IMAGE: "an Ollama image on a Docker engine",
  OLLAMA_MESH_MODEL: "a model that Ollama can load",
  OLLAMA_MESH_HOST_IMAGE: "an image of a machine with a Docker engine of its own",
} as const;

type Need = keyof typeof NEEDS;

/** Why tests with these needs cannot run here; undefined when they can. */
export function lacking(...needs: Need[]): string | undefined {
  const absent = needs.filter((need) => !process.env[need]);
  if (absent.length === 0) return undefined;
  const list = absent.map((need) => `${NEEDS[need]} (${need})`).join(" and ");
  return `needs ${list}; npm test prepares it`;
}

/** What the machine provides for a need; skips the test with a printed reason when it does not. */
export function need(context: Pick<TestContext, "skip">, name: Need): string {
  const value = process.env[name];
  return value || context.skip(lacking(name));
}
