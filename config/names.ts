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

/** Name of what guards a node in Pulumi's state, which has no "." there: no other node may be called so. */
export const guardResource = (node: string) => `${node}-guard`;

/** The balancer's name among the containers of a mesh, and so no node's. */
export const BALANCER_NAME = "balancer";

/** Name of the balancer's container. */
export const balancerContainer = (mesh: string) => `${mesh}-${BALANCER_NAME}`;

/** Name of what closes connections for the balancer. "." keeps it apart from every node. */
export const connectionCloser = (mesh: string) => `${balancerContainer(mesh)}.closer`;

/** Name of what gives a machine the address that two balancers share. "." keeps it apart from every node. */
export const virtualAddressContainer = (mesh: string) => `${balancerContainer(mesh)}.address`;

/** Name of the balancer in networks of others that it joins: balancer.networks. */
export const NETWORK_ALIAS = "ollama-mesh-balancer";

/** Name of what watches a mesh: prometheus, grafana or alertmanager. "." keeps it apart from every node. */
export const monitoringContainer = (mesh: string, program: string) => `${mesh}.${program}`;

/** Name of the volume with what it has written. */
export const monitoringVolume = (mesh: string, program: string) => `${mesh}-${program}`;

/** Name of the mesh network. */
export const meshNetwork = (mesh: string) => `${mesh}-network`;

/** Number of the first of a mesh's networks; later ones have three digits, counted down. */
export const FIRST_NETWORK = 1000;

/** Name of a later network of a mesh, by its number: as texts they are in the order of their numbers. */
export const laterNetwork = (mesh: string, number: number) => `${mesh}-net-${number}`;

/** Number of a mesh's network; undefined for one of others, and for those of nodes' guards, which bear the mesh's label, too. */
export function networkNumber(mesh: string, name: string): number | undefined {
  if (name === meshNetwork(mesh)) return FIRST_NETWORK;
  const digits = /-(\d{3})$/.exec(name)?.[1];
  const number = Number(digits);
  return digits && name === laterNetwork(mesh, number) ? number : undefined;
}

/** Name of the volume with the balancer's config. */
export const configVolume = (mesh: string) => `${mesh}-config`;

/** Name of the volume with what API keys have used. */
export const usageVolume = (mesh: string) => `${mesh}-usage`;

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

/** In a node's container, on the volume that outlives it: which balancers judge the node. */
export const judgesFile = (node: string): string => `/root/.ollama/mesh/${node}`;
