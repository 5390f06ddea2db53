import { FIRST_NETWORK, laterNetwork, meshNetwork, networkNumber } from "../config/names.ts";

/** A network of a mesh that is on an engine. */
export interface FoundNetwork {
  name: string;
  /** In CIDR form. */
  subnet: string;
}

/** What is known of the networks on the balancers' engines. */
export interface KnownNetworks {
  /** Names of the mesh network by endpoint, where it has another one than the first. */
  names: ReadonlyMap<string, string>;
  /** Of networks of others in which Docker publishes the ports: their machines come from these addresses. Sorted. */
  gateways: readonly string[];
}

/**
 * Name of a mesh's network on an engine: that of the one that has the addresses already; else another one than those
 * that are there, so that both can be beside each other while the nodes move. Docker publishes a container's ports in
 * that of its networks which comes first in the alphabet: so a later network comes before, and ports move at the begin.
 *
 * @param there networks of the mesh on that engine
 */
export function networkName(mesh: string, subnet: string, there: readonly FoundNetwork[]): string {
  const same = there.find((one) => one.subnet === subnet);
  if (same) return same.name;
  if (there.length === 0) return meshNetwork(mesh);
  const numbers = there.map(({ name }) => networkNumber(mesh, name) ?? FIRST_NETWORK);
  return laterNetwork(mesh, Math.min(...numbers) - 1);
}

/** Whether a network has such a name. */
export const isMeshNetwork = (mesh: string, name: string): boolean =>
  networkNumber(mesh, name) !== undefined;
