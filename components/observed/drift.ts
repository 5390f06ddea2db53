import type { NotObserved, ObservedMesh } from "./observed-mesh.ts";

// A Command cannot look whether what it did is still so; the program looks for it. What it finds stands in the
// Command's environment: a preview shows it, and `up` runs the step again. See `found` in step.ts.

/** What is wrong with the config, if anything. */
export function configDrift(observed: ObservedMesh | NotObserved): string | undefined {
  if (typeof observed === "string") return undefined;
  return observed.sealed ? observed.wrong : "mesh.json in the config volume was changed by hand";
}

/** What is wrong with nginx, if anything: Docker engines before 29 do not always start again what has joined another container. */
export function nginxDrift(observed: ObservedMesh | NotObserved): string | undefined {
  if (typeof observed === "string") return undefined;
  return observed.alone ? "nginx is down, and the front serves by one of its own" : undefined;
}

/**
 * What is wrong with a node's place in traffic, if anything. A line that only differs is a change of the
 * config that is about to be made, unless somebody wrote into mesh.json.
 *
 * @param line the declared one; undefined where it is not known yet, or must not be there
 */
export function lineDrift(
  observed: ObservedMesh | NotObserved,
  node: { name: string; offline: boolean },
  line: string | undefined,
): string | undefined {
  if (typeof observed === "string") return undefined;
  const { state, sealed } = observed;
  const found = state.servers[node.name];
  if (node.offline) return found && !sealed ? "its line is in nginx's config" : undefined;
  // Of an empty file, nobody was ever expected.
  const gone = state.expected.includes(node.name) || !sealed;
  if (!found) return gone ? "its line is gone from nginx's config" : undefined;
  return !sealed && line !== undefined && found.line !== line
    ? "its line in nginx's config was changed by hand"
    : undefined;
}
