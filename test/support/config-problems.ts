import { parseMesh } from "../../config/parse-mesh.ts";
import { ConfigurationError, type Problem } from "../../config/problems.ts";

/** What is wrong with a mesh, of this name where that matters; undefined where nothing is. */
function refusal(input: unknown, name?: string): ConfigurationError | undefined {
  try {
    parseMesh(input, name);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  return undefined;
}

/** All problems, in the order in which they were found. */
export const problemsOf = (input: unknown, name?: string): readonly Problem[] =>
  refusal(input, name)?.problems ?? [];

/** The paths of all problems. */
export const problemPaths = (input: unknown, name?: string): string[] =>
  problemsOf(input, name).map(({ path }) => path);

/** The message that shows them; "" where there are none. */
export const messageOf = (input: unknown, name?: string): string =>
  refusal(input, name)?.message ?? "";

/** A place in the arguments: "nodes.0.name" as ["nodes", 0, "name"]. */
export type Path = readonly (string | number)[];

/** Reads a path; "nodes.0.name". */
export const pathOf = (dotted: string): Path =>
  dotted.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/** A path as problems name it: nodes[0].name */
export const shownPath = (dotted: string): string => dotted.replace(/\.(\d+)/g, "[$1]");

/** A copy of a mesh with one value put at a path; what is missing on the way is made. */
export function putAt<T extends object>(mesh: T, path: Path, value: unknown): T {
  const copy = structuredClone(mesh);
  let at = copy as Record<string | number, unknown>;
  for (const [i, key] of path.entries()) {
    if (i === path.length - 1) at[key] = value;
    else at[key] ??= typeof path[i + 1] === "number" ? [] : {};
    at = at[key] as Record<string | number, unknown>;
  }
  return copy;
}

/** A valid mesh with one value put at a path. */
export function withValue(path: Path, value: unknown): unknown {
  // A port is for a node on another engine only; one with an address is published beside the balancer.
  const needed: Record<string, object> = {
    port: { host: "ssh://gpu1.lan" },
    address: { port: 8000 },
  };
  const more = path[0] === "nodes" ? needed[String(path.at(-1))] : {};
  return putAt({ nodes: [{ name: "one", ...more }, { name: "two" }] }, path, value);
}
