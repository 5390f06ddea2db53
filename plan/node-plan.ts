import { isIP } from "node:net";
import {
  DEFAULT_ENGINE,
  NODE,
  OLLAMA,
  OLLAMA_IMAGE,
  OLLAMA_PORT,
  OLLAMA_ROCM_IMAGE,
  ROUTES,
  SERVICE_HEALTH_PATH,
} from "../config/defaults.ts";
import {
  type MeshConfig,
  type NodeConfig,
  isAttached,
  isGuarded,
  meshEngine,
  portOf,
} from "../config/mesh-config.ts";
import { engineKey, nodeContainer, nodeGuard } from "../config/names.ts";
import { engineHost } from "../config/net/engine-endpoint.ts";
import type { MountArgs, ProbeArgs, ServiceIpc } from "../config/node-args.ts";
import type { BalancerPlan } from "./balancer-plan.ts";
import { ollamaEnvironment, serviceEnvironment } from "./ollama-environment.ts";

/** One server behind the balancer. */
export interface NodePlan {
  /** The user's own. */
  name: string;
  /** As the balancer reaches it: in the mesh network, on the LAN, or a name. */
  address: string;
  /** At that address: the container's own in the mesh network, else the published one. */
  port: number;
  /** The pool that it is in; absent for the default one. */
  pool?: string;
  /** Speed beside the others', 1 or more; absent where it is measured. */
  weight?: number;
  /** Requests that it answers at the same time; absent where that is not known. */
  places?: number;
  /** Whether it is asked for Ollama's lists of models, or for OpenAI's. */
  kind: "ollama" | "service";
  /** Whether it serves only when no other node can. */
  backup: boolean;
  /** Whether it gets no traffic, by the user's word. */
  maintenance: boolean;
  /** Whether only clients that stick to it still get there. */
  drain: boolean;
  /** Whether its host is switched off. */
  offline: boolean;
  /** Requests at a time, 0 for no limit. */
  maxConnections: number;
  /** How the balancer speaks HTTPS with it; absent for plain HTTP. */
  tls?: NodeTlsPlan;
  /** Whether it is asked with a key of the mesh's own; absent for one that is not. */
  keyed?: true;
  /** That key; secret, and so absent until the node is admitted. */
  apiKey?: string;
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
  /** The engine that runs it. */
  endpoint: string;
  image: string;
  /** That it must have before it gets traffic; none for a service. */
  models: string[];
  /** Folder of the host where they lie; absent for the mesh's volume. */
  modelsPath?: string;
  /** Absent for Ollama. */
  service?: ServicePlan;
  /** NAME=value, sorted. */
  environment: string[];
  gpus: NonNullable<NodeConfig["gpus"]>;
  /** Limit of its memory, swap included; absent for none. */
  memoryMiB?: number;
  /** Limit of its CPUs, in cores; absent for none. */
  cpus?: number;
  /** Limit of its processes and threads: NODE.pids. */
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
  user?: string;
  sharedMemoryMib?: number;
  ipc?: ServiceIpc;
  mounts: Required<MountArgs>[];
  writable: boolean;
  /** Absent where the health path is believed. */
  probe?: ProbeArgs;
}

/**
 * Decides what follows for one node.
 *
 * @param balancer the mesh's plan of it, with the addresses in the mesh network
 */
export function planNode(
  mesh: string,
  config: MeshConfig,
  node: NodeConfig,
  balancer: BalancerPlan,
): NodePlan {
  const attached = isAttached(node, meshEngine(config.balancer));
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
          ...(node.modelsPath === undefined ? {} : { modelsPath: node.modelsPath }),
          environment: ollamaEnvironment(config.ollama ?? {}, node.ollama ?? {}, gpus),
        }),
    gpus,
    pids: NODE.pids,
    ...(node.memoryMib === undefined ? {} : { memoryMiB: node.memoryMib }),
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
    ...(node.pool === undefined ? {} : { pool: node.pool }),
    ...(node.weight === undefined ? {} : { weight: node.weight }),
    ...placesOf(config, node),
    kind: speaksOllama(config, node) ? "ollama" : "service",
    backup: node.backup ?? false,
    maintenance: node.maintenance ?? false,
    drain: node.drain ?? false,
    offline: node.offline ?? false,
    maxConnections: node.maxConnections ?? NODE.maxConnections,
    ...(node.tls ? { tls: { ...node.tls, serverName: node.tls.serverName ?? address } } : {}),
    ...(guarded ? { tls: { serverName: `${node.name}.${mesh}.internal` } } : {}),
    ...(node.apiKey === undefined ? {} : { keyed: true as const }),
    ...(node.managed === false ? {} : { container }),
  };
}

/** Of Ollama that the mesh runs they are what it is told; others may do more at a time than anybody knows here. */
function placesOf(config: MeshConfig, node: NodeConfig): { places?: number } {
  if (node.places !== undefined) return { places: node.places };
  if (node.managed === false || node.service) return {};
  return { places: { ...OLLAMA, ...config.ollama, ...node.ollama }.numParallel };
}

/** A mesh of other model servers has other routes. */
function speaksOllama({ balancer }: MeshConfig, { managed, service, api }: NodeConfig): boolean {
  if (managed !== false) return !service;
  if (api !== undefined) return api === "ollama";
  return (balancer?.routes?.set ?? ROUTES.set) === "ollama";
}

function planService(service: NonNullable<NodeConfig["service"]>): ServicePlan {
  const { port, healthPath = SERVICE_HEALTH_PATH, mounts = [], writable } = service;
  const { command, user, sharedMemoryMib, ipc, probe } = service;
  return {
    port,
    healthPath,
    ...(command ? { command } : {}),
    ...(user === undefined ? {} : { user }),
    ...(sharedMemoryMib === undefined ? {} : { sharedMemoryMib }),
    ...(ipc === undefined ? {} : { ipc }),
    mounts: mounts.map((mount) => ({ ...mount, readOnly: mount.readOnly ?? false })),
    writable: writable ?? false,
    ...(probe ? { probe } : {}),
  };
}

/** active, backup, maintenance or offline: what the mesh says of a node. */
export const nodeState = (node: NodePlan) =>
  node.offline ? "offline" : node.maintenance ? "maintenance" : node.backup ? "backup" : "active";
