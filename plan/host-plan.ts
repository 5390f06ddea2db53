import { listenAddresses } from "../config/mesh-config.ts";
import { goingByAddress } from "../config/checks/client-problems.ts";
import { isLoopback } from "../config/net/private-networks.ts";
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
  /** Folder where they lie instead; absent for the volume. */
  modelsPath?: string;
  /** Whether a node on it needs the NVIDIA runtime. */
  nvidia: boolean;
  /** Whether a node on it needs AMD GPUs. */
  amd: boolean;
  /** Whether a node on it needs GPUs that speak Vulkan; absent for none. */
  vulkan?: true;
  /** The node on it with the highest limit of CPUs; absent where none has one. */
  cpus?: CpuLimit;
  /** Where its nodes are published. */
  ports: PublishedPort[];
  /** Of a balancer's host: the mesh network. */
  network?: MeshNetwork;
  /** Of the balancer's host: settings that go by the client's address; absent for none. */
  byAddress?: string[];
  /** Of the host of one of two balancers: the other goes on without it. */
  spare?: true;
}

/** The engines of nodes in the order of these; those of balancers last where no node is on them. */
export function planHosts(
  mesh: string,
  nodes: readonly NodePlan[],
  balancers: readonly BalancerPlan[],
): HostPlan[] {
  const containers = nodes.flatMap(({ name, offline, container }) =>
    container ? { ...container, node: name, offline } : [],
  );
  const engines = Map.groupBy(containers, ({ endpoint }) => endpoint);
  const balancerOn = new Map(balancers.map((balancer) => [balancer.endpoint, balancer]));
  for (const endpoint of balancerOn.keys()) {
    if (!engines.has(endpoint)) engines.set(endpoint, []);
  }
  const distinct = (values: string[]) => [...new Set(values)].sort();
  return [...engines].map(([endpoint, own]) => ({
    key: engineKey(endpoint),
    endpoint,
    offline: own.some(({ offline }) => offline) || balancerOn.get(endpoint)?.offline === true,
    nodes: own.map(({ node }) => node).sort(),
    images: distinct(own.map(({ image }) => image)),
    ollama: own.some(({ service }) => !service),
    models: distinct(own.flatMap(({ models }) => models)),
    volume: modelVolume(mesh),
    ...modelsPathOf(own),
    nvidia: own.some(({ gpus }) => gpus.vendor === "nvidia"),
    amd: own.some(({ gpus }) => gpus.vendor === "amd"),
    ...(own.some(({ gpus }) => gpus.vendor === "vulkan") ? { vulkan: true as const } : {}),
    ...mostCpus(own),
    ports: own.flatMap(({ publish }) => publish ?? []).toSorted((a, b) => a.port - b.port),
    ...networkOf(balancerOn.get(endpoint)),
  }));
}

function networkOf(
  balancer: BalancerPlan | undefined,
): Pick<HostPlan, "network" | "byAddress" | "spare"> {
  if (!balancer) return {};
  const network = { name: balancer.network, subnet: balancer.addresses.subnet };
  // At a loopback address every client is that machine, on any engine.
  const byAddress = listenAddresses(balancer.listen).every(isLoopback)
    ? []
    : goingByAddress(balancer);
  return {
    network,
    ...(byAddress.length > 0 ? { byAddress } : {}),
    ...(balancer.key === undefined ? {} : { spare: true }),
  };
}

/** Who gets the most; of several the first in the alphabet. */
function mostCpus(own: readonly { node: string; cpus?: number }[]): Pick<HostPlan, "cpus"> {
  const limits = own.flatMap(({ node, cpus }) => (cpus === undefined ? [] : { node, cpus }));
  const [most] = limits.sort((a, b) => b.cpus - a.cpus || (a.node < b.node ? -1 : 1));
  return most ? { cpus: most } : {};
}

/** The same for all Ollama nodes of a host: see modelsPathProblems. */
function modelsPathOf(own: readonly { modelsPath?: string }[]): { modelsPath?: string } {
  const modelsPath = own.find((container) => container.modelsPath)?.modelsPath;
  return modelsPath === undefined ? {} : { modelsPath };
}

/** A node, and how many of its host's CPUs it may use. */
export interface CpuLimit {
  node: string;
  cpus: number;
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
