import { isIP } from "node:net";
import {
  DEFAULT_ENGINE,
  NODE,
  OLLAMA_IMAGE,
  OLLAMA_PORT,
  OLLAMA_ROCM_IMAGE,
  SERVICE_HEALTH_PATH,
} from "../config/defaults.ts";
import {
  type MeshConfig,
  type NodeConfig,
  isAttached,
  isGuarded,
  portOf,
} from "../config/mesh-config.ts";
import { engineKey, nodeContainer, nodeGuard } from "../config/names.ts";
import { engineHost } from "../config/net/engine-endpoint.ts";
import type { MountArgs } from "../config/node-args.ts";
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
  /** Share of traffic beside the others', 1 or more. */
  weight: number;
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
  mounts: Required<MountArgs>[];
  writable: boolean;
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

/** active, backup, maintenance or offline: what the mesh says of a node. */
export const nodeState = (node: NodePlan) =>
  node.offline ? "offline" : node.maintenance ? "maintenance" : node.backup ? "backup" : "active";
