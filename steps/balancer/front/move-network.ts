import type { BalancerRef } from "../../../plan/balancer-ref.ts";
import { DockerError, type DockerEngine, dockerEngine } from "../../engine/docker-engine.ts";
import { StepError } from "../../step-error.ts";
import { withoutAddress } from "../virtual-address/hold-address.ts";
import { type BalancerContainer, parseContainer } from "./find-balancer.ts";
import { listNetworks, meshNetworks } from "./mesh-networks.ts";

/** A network of a mesh, which its balancer must be in. */
export interface MoveNetworkInput {
  mesh: string;
  balancer: BalancerRef;
  /** The balancer's in it. */
  address: string;
  /** Container that holds the address shared with another balancer; absent where there is none. */
  virtualAddress?: string;
}

/**
 * Has a balancer that serves in another network of the mesh join this one, too: so that nodes can move there one after
 * the other. Docker publishes its ports here from then on: for a tenth of a second they are refused, and what is open is cut.
 *
 * @throws StepError when Docker does not let it in
 */
export async function joinMesh(input: MoveNetworkInput): Promise<{ joined: boolean }> {
  const { balancer, address, virtualAddress } = input;
  const engine = dockerEngine(balancer.endpoint);
  const front = await frontOf(engine, balancer);
  if (!front?.running || front.networks.includes(balancer.network)) return { joined: false };
  const others = await otherNetworks(engine, input, front);
  if (others.length === 0) return { joined: false }; // it gets its address when nginx runs in it
  await withoutAddress(engine, virtualAddress, async () => {
    try {
      await engine.docker(["network", "connect", "--ip", address, balancer.network, front.id]);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      throw new StepError(
        `the balancer ${balancer.container} on ${balancer.endpoint} cannot join the network ${balancer.network}: ${error.lastWords}; it serves on in ${others.join(", ")}; mend that and run pulumi up again`,
      );
    }
  });
  return { joined: true };
}

/** Has a balancer that has joined another network of the mesh leave this one, which is about to be removed. */
export async function leaveMesh(input: MoveNetworkInput): Promise<{ left: boolean }> {
  const { balancer } = input;
  const engine = dockerEngine(balancer.endpoint);
  const front = await frontOf(engine, balancer);
  if (!front?.networks.includes(balancer.network)) return { left: false };
  if ((await otherNetworks(engine, input, front)).length === 0) return { left: false };
  await engine.docker(["network", "disconnect", balancer.network, front.id]);
  return { left: true };
}

async function frontOf(
  { docker }: DockerEngine,
  { container }: BalancerRef,
): Promise<BalancerContainer | undefined> {
  try {
    return parseContainer(await docker(["container", "inspect", container]))[0];
  } catch (error) {
    if (error instanceof DockerError && error.isNotFound) return undefined;
    throw error;
  }
}

/** Networks of the mesh that it is in, but for this one. */
async function otherNetworks(
  { docker }: DockerEngine,
  { mesh, balancer }: MoveNetworkInput,
  { networks }: BalancerContainer,
): Promise<string[]> {
  const all = meshNetworks(mesh, await docker(listNetworks(mesh)));
  return all.filter((name) => name !== balancer.network && networks.includes(name));
}
