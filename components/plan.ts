import { isIP } from "node:net";
import { isAttached, isGuarded, planBalancer, type BalancerPlan } from "./balancer-plan.ts";
import { ollamaEnvironment, serviceEnvironment } from "./ollama-environment.ts";
import {
  DEFAULT_ENGINE,
  HTTPS_PORT,
  NODE,
  OLLAMA_IMAGE,
  OLLAMA_PORT,
  OLLAMA_ROCM_IMAGE,
  ROLLOUT,
  SERVICE_HEALTH_PATH,
} from "./defaults.ts";
import type { RolloutArgs } from "./mesh-args.ts";
import type { MountArgs } from "./node-args.ts";
import type { MeshNetwork } from "../steps/taken-networks.ts";
import type { MeshConfig, NodeConfig } from "./mesh-config.ts";
import { engineHost, engineKey, modelVolume, nodeContainer, nodeGuard } from "./names.ts";

/** All that is decided before any resource exists. */
export interface MeshPlan {
  name: string;
  hosts: HostPlan[];
  nodes: NodePlan[];
  balancer: BalancerPlan;
  rollout: Required<RolloutArgs>;
}

/** One Docker engine that runs nodes, or the balancer. */
export interface HostPlan {
  key: string;
  endpoint: string;
  volume: string;
  /** Without duplicates, sorted. */
  images: string[];
  models: string[];
  /** Whether a node on it is Ollama; only then are there models. */
  ollama: boolean;
  /** Whether a node on it needs the NVIDIA runtime. */
  nvidia: boolean;
  /** Whether it is switched off: then all its nodes are offline. */
  offline: boolean;
  /** Names of its nodes. */
  nodes: string[];
  /** Whether a node on it needs AMD GPUs. */
  amd: boolean;
  /** Where its nodes are published. */
  ports: { ip: string; port: number }[];
  /** Of the balancer's host: the mesh network. */
  network?: MeshNetwork;
}

/** One server behind the balancer. */
export interface NodePlan {
  name: string;
  /** As the balancer reaches it. */
  address: string;
  port: number;
  weight: number;
  backup: boolean;
  maintenance: boolean;
  drain: boolean;
  /** Its host is switched off. */
  offline: boolean;
  maxConnections: number;
  /** How the balancer speaks HTTPS with it; absent for plain HTTP. */
  tls?: NodeTlsPlan;
  /** Absent for a node that the mesh does not run. */
  container?: ContainerPlan;
}

/** HTTPS to a node. */
export interface NodeTlsPlan {
  serverName: string;
  /** In PEM; absent for the public authorities. */
  caCertificate?: string;
  /** In PEM: what the balancer shows of itself, and its key. Of a node with access: balancerOnly; secret. */
  client?: { certificate: string; key: string };
}

/** The container of a managed node. */
export interface ContainerPlan {
  name: string;
  /** The key of its host. */
  host: string;
  endpoint: string;
  image: string;
  models: string[];
  /** Absent for Ollama. */
  service?: ServicePlan;
  /** NAME=value, sorted. */
  environment: string[];
  gpus: NonNullable<NodeConfig["gpus"]>;
  memoryMiB?: number;
  cpus?: number;
  pids: number;
  /** Fixed address in the mesh network; a node without one is published on its host. */
  meshAddress?: string;
  /** Where it is published: the declared address when that is one of the host's, else all. */
  publish?: { ip: string; port: number };
  /** With access: balancerOnly the name of what is published in its place, and of the network of the two. */
  guard?: string;
}

/** What a container runs that is not Ollama. */
export interface ServicePlan {
  /** Inside the container. */
  port: number;
  healthPath: string;
  command?: string[];
  mounts: Required<MountArgs>[];
  writable: boolean;
}

/** Decides everything that follows from the config of a mesh. Pure: the same config gives the same plan. */
export function planMesh(name: string, config: MeshConfig): MeshPlan {
  const rollout = { ...ROLLOUT, ...config.rollout };
  const balancer = planBalancer(name, config);
  const nodes = config.nodes.map((node) => planNode(name, config, node, balancer));
  return { name, hosts: planHosts(name, nodes, balancer), nodes, balancer, rollout };
}

function planNode(
  mesh: string,
  config: MeshConfig,
  node: NodeConfig,
  balancer: BalancerPlan,
): NodePlan {
  const attached = isAttached(node, balancer.endpoint);
  const endpoint = node.host ?? DEFAULT_ENGINE;
  const meshAddress = balancer.addresses.nodes.get(node.name);
  const address = meshAddress ?? node.address ?? engineHost(endpoint) ?? "localhost";
  const inside = node.service?.port ?? OLLAMA_PORT;
  const port = attached ? inside : portOf(node);
  const gpus = node.gpus ?? {};
  const image =
    node.image ?? config.image ?? (gpus.vendor === "amd" ? OLLAMA_ROCM_IMAGE : OLLAMA_IMAGE);
  const guarded = isGuarded(config, node);
  const container: ContainerPlan = {
    name: nodeContainer(mesh, node.name),
    host: engineKey(endpoint),
    endpoint,
    image,
    ...(node.service
      ? {
          models: [],
          service: planService(node.service),
          environment: serviceEnvironment(node.service, gpus),
        }
      : {
          models: node.models ?? config.models ?? [],
          environment: ollamaEnvironment(config.ollama ?? {}, node.ollama ?? {}, gpus),
        }),
    gpus,
    pids: NODE.pids,
    ...(node.memoryMiB === undefined ? {} : { memoryMiB: node.memoryMiB }),
    ...(node.cpus === undefined ? {} : { cpus: node.cpus }),
    ...(meshAddress
      ? { meshAddress }
      : { publish: { ip: isIP(address) ? address : "0.0.0.0", port } }),
    ...(guarded ? { guard: nodeGuard(mesh, node.name) } : {}),
  };
  return {
    name: node.name,
    address,
    port,
    weight: node.weight ?? NODE.weight,
    backup: node.backup ?? false,
    maintenance: node.maintenance ?? false,
    drain: node.drain ?? false,
    offline: node.offline ?? false,
    maxConnections: node.maxConnections ?? NODE.maxConnections,
    ...(node.tls ? { tls: { ...node.tls, serverName: node.tls.serverName ?? address } } : {}),
    ...(guarded ? { tls: { serverName: `${node.name}.${mesh}.internal` } } : {}),
    ...(node.managed === false ? {} : { container }),
  };
}

/** Port of a node that is not in the mesh network. */
export const portOf = ({ port, tls, service }: NodeConfig) =>
  port ?? (tls ? HTTPS_PORT : (service?.port ?? OLLAMA_PORT));

function planService(service: NonNullable<NodeConfig["service"]>): ServicePlan {
  const { port, healthPath = SERVICE_HEALTH_PATH, command, mounts = [], writable } = service;
  return {
    port,
    healthPath,
    ...(command ? { command } : {}),
    mounts: mounts.map((mount) => ({ ...mount, readOnly: mount.readOnly ?? false })),
    writable: writable ?? false,
  };
}

/** The engines of nodes in the order of these; the balancer's last where no node is on it. */
function planHosts(mesh: string, nodes: readonly NodePlan[], balancer: BalancerPlan): HostPlan[] {
  const containers = nodes.flatMap(({ name, offline, container }) =>
    container ? { ...container, node: name, offline } : [],
  );
  const engines = Map.groupBy(containers, ({ endpoint }) => endpoint);
  if (!engines.has(balancer.endpoint)) engines.set(balancer.endpoint, []);
  const distinct = (values: string[]) => [...new Set(values)].sort();
  return [...engines].map(([endpoint, own]) => ({
    key: engineKey(endpoint),
    endpoint,
    volume: modelVolume(mesh),
    images: distinct(own.map(({ image }) => image)),
    models: distinct(own.flatMap(({ models }) => models)),
    ollama: own.some(({ service }) => !service),
    nvidia: own.some(({ gpus }) => gpus.vendor === "nvidia"),
    offline: own.some(({ offline }) => offline),
    nodes: own.map(({ node }) => node).sort(),
    amd: own.some(({ gpus }) => gpus.vendor === "amd"),
    ports: own.flatMap(({ publish }) => publish ?? []).toSorted((a, b) => a.port - b.port),
    ...(endpoint === balancer.endpoint
      ? { network: { name: balancer.network, subnet: balancer.addresses.subnet } }
      : {}),
  }));
}

/** active, backup, maintenance or offline: what the mesh says of a node. */
export const nodeState = (node: NodePlan) =>
  node.offline ? "offline" : node.maintenance ? "maintenance" : node.backup ? "backup" : "active";
