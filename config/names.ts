import { DEFAULT_ENGINE } from "./defaults.ts";
import { engineHost } from "./net/engine-endpoint.ts";
import { shortHash } from "./short-hash.ts";

// Names are identity: a changed name replaces what carries it. All come from what the user
// wrote (mesh and node names, engines), never from a position in a list.

/** Docker labels that say whose a container, volume or network is. */
export const MESH_LABEL = "ollama-mesh";

export const NODE_LABEL = "ollama-mesh.node";

/** Name of the container of a node. */
export const nodeContainer = (mesh: string, node: string) => `${mesh}-${node}`;

/** Name of what guards a node with access: balancerOnly, and of the network of the two. "." keeps it apart from every node. */
export const nodeGuard = (mesh: string, node: string) => `${nodeContainer(mesh, node)}.guard`;

/** The balancer's name among the containers of a mesh, and so no node's. */
export const BALANCER_NAME = "balancer";

/** Name of the balancer's container. */
export const balancerContainer = (mesh: string) => `${mesh}-${BALANCER_NAME}`;

/** Name of the mesh network. */
export const meshNetwork = (mesh: string) => `${mesh}-network`;

/** Name of the volume with the balancer's config. */
export const configVolume = (mesh: string) => `${mesh}-config`;

/** Name of the volume with the models, one per mesh and engine. */
export const modelVolume = (mesh: string) => `${mesh}-models`;

/**
 * Short unique name of a Docker engine, for resource names: "local", or the host's name and a hash
 * of the whole endpoint. It carries the engine's identity, because a provider whose host merely
 * changed would look for its containers on the new host and forget those on the old one.
 */
export function engineKey(endpoint: string): string {
  if (endpoint === DEFAULT_ENGINE) return "local";
  const host =
    engineHost(endpoint)
      ?.toLowerCase()
      .replace(/[^a-z0-9]+/g, "-") ?? "socket";
  return `${host}-${shortHash(endpoint)}`;
}
