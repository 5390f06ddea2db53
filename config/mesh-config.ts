import type * as pulumi from "@pulumi/pulumi";
import type { BalancerArgs } from "./balancer-args.ts";
import { BALANCER, DEFAULT_ENGINE, HTTPS_PORT, NODE, OLLAMA_PORT } from "./defaults.ts";
import type { OllamaMeshArgs } from "./mesh-args.ts";
import type { NodeArgs } from "./node-args.ts";

/**
 * The engine whose nodes join the mesh network.
 *
 * @returns undefined with two balancers: a node in the network of one would be out of the other's reach
 */
export const meshEngine = ({ host, hosts }: Known<BalancerArgs> = {}): string | undefined =>
  hosts ? undefined : (host ?? DEFAULT_ENGINE);

/** Where the balancer listens for clients, the first first. */
export const listenAddresses = ({
  address = BALANCER.listen.address,
  addresses = [address],
}: {
  address?: string;
  addresses?: readonly string[];
} = {}): readonly string[] => addresses;

/**
 * Whether a node joins the mesh network instead of being published on its host.
 *
 * @param engine whose nodes do, see meshEngine
 */
export function isAttached(node: NodeConfig, engine: string | undefined): boolean {
  return (
    node.managed !== false && node.address === undefined && (node.host ?? DEFAULT_ENGINE) === engine
  );
}

/** Whether a node is published by a guard, which lets nobody but the balancer through. */
export function isGuarded(
  { access, balancer }: Pick<MeshConfig, "access" | "balancer">,
  node: NodeConfig,
): boolean {
  if (node.managed === false || isAttached(node, meshEngine(balancer))) return false;
  return (node.access ?? access ?? NODE.access) === "balancerOnly";
}

/** The arguments of a mesh, checked, every Input known. */
export type MeshConfig = Known<OllamaMeshArgs>;

/** The arguments of one node, checked, every Input known. */
export type NodeConfig = Known<NodeArgs>;

/** What arguments look like once every Input is known. */
export type Known<T> = pulumi.Unwrap<T>;

/** Port of a node that is not in the mesh network. */
export const portOf = ({ port, tls, service }: NodeConfig) =>
  port ?? (tls ? HTTPS_PORT : (service?.port ?? OLLAMA_PORT));
