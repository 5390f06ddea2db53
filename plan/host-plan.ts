import { engineKey, modelVolume } from "../config/names.ts";
import type { BalancerPlan } from "./balancer-plan.ts";
import type { NodePlan } from "./node-plan.ts";

/** One Docker engine that runs nodes, or the balancer. */
export interface HostPlan {
  /** Short and unique, for resource names. */
  key: string;
  endpoint: string;
  /** Whether it is switched off: then all its nodes are offline. */
  offline: boolean;
  /** Names of its nodes. */
  nodes: string[];
  /** Of its nodes, without duplicates, sorted. */
  images: string[];
  /** Whether a node on it is Ollama; only then are there models. */
  ollama: boolean;
  /** Without duplicates, sorted. */
  models: string[];
  /** Name of the volume with the models. */
  volume: string;
  /** Whether a node on it needs the NVIDIA runtime. */
  nvidia: boolean;
  /** Whether a node on it needs AMD GPUs. */
  amd: boolean;
  /** Where its nodes are published. */
  ports: PublishedPort[];
  /** Of the balancer's host: the mesh network. */
  network?: MeshNetwork;
}

/** The engines of nodes in the order of these; the balancer's last where no node is on it. */
export function planHosts(
  mesh: string,
  nodes: readonly NodePlan[],
  balancer: BalancerPlan,
): HostPlan[] {
  const containers = nodes.flatMap(({ name, offline, container }) =>
    container ? { ...container, node: name, offline } : [],
  );
  const engines = Map.groupBy(containers, ({ endpoint }) => endpoint);
  if (!engines.has(balancer.endpoint)) engines.set(balancer.endpoint, []);
  const distinct = (values: string[]) => [...new Set(values)].sort();
  return [...engines].map(([endpoint, own]) => ({
    key: engineKey(endpoint),
    endpoint,
    offline: own.some(({ offline }) => offline),
    nodes: own.map(({ node }) => node).sort(),
    images: distinct(own.map(({ image }) => image)),
    ollama: own.some(({ service }) => !service),
    models: distinct(own.flatMap(({ models }) => models)),
    volume: modelVolume(mesh),
    nvidia: own.some(({ gpus }) => gpus.vendor === "nvidia"),
    amd: own.some(({ gpus }) => gpus.vendor === "amd"),
    ports: own.flatMap(({ publish }) => publish ?? []).toSorted((a, b) => a.port - b.port),
    ...(endpoint === balancer.endpoint
      ? { network: { name: balancer.network, subnet: balancer.addresses.subnet } }
      : {}),
  }));
}

/** An address and port of the host. */
export interface PublishedPort {
  ip: string;
  port: number;
}

/** The network that a mesh makes on a host. */
export interface MeshNetwork {
  name: string;
  /** In CIDR form. */
  subnet: string;
}
