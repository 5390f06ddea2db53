import { NETWORK_ALIAS } from "../../../config/names.ts";
import { DockerError, type DockerEngine } from "../../engine/docker-engine.ts";
import { StepError } from "../../step-error.ts";
import type { BalancerContainer } from "./find-balancer.ts";

/** Networks that a front joins beside the one where Docker publishes its ports. */
export interface NetworksToJoin {
  /** Others of the mesh. */
  own: readonly string[];
  /** Of others: balancer.networks. */
  foreign: readonly string[];
}

/**
 * Puts the front into networks. It leaves none: the config may have nodes there until they are drained, which
 * comes later, and nginx would refuse every change with a name that it does not find.
 *
 * @throws StepError for a network that is not there, or that does not take it
 */
export async function joinNetworks(
  engine: DockerEngine,
  front: Pick<BalancerContainer, "id" | "networks">,
  { own, foreign }: NetworksToJoin,
): Promise<void> {
  for (const network of [...own, ...foreign].filter((each) => !front.networks.includes(each))) {
    try {
      if (own.includes(network)) await connect(engine, front.id, network);
      else await connectBehind(engine, front.id, network);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      throw new StepError(
        `the balancer cannot join the network ${network} on ${engine.endpoint}: ${error.lastWords}; make it there (docker network create ${network}), or correct balancer.networks`,
      );
    }
  }
}

const connect = ({ docker }: DockerEngine, front: string, network: string, ...options: string[]) =>
  docker(["network", "connect", ...options, "--alias", NETWORK_ALIAS, network, front]);

/** Docker publishes the ports in the network with the highest priority, of those with the same in the first by name. */
const LOWER_PRIORITY = "--gw-priority=-1";

/**
 * Leaves the ports where they are: in the mesh's own network, whatever the other one is called. Docker before 28 can't,
 * of which a preview has warned: see components/observed/port-takers.ts.
 */
async function connectBehind(engine: DockerEngine, front: string, network: string): Promise<void> {
  try {
    await connect(engine, front, network, LOWER_PRIORITY);
  } catch (error) {
    if (!(error instanceof DockerError && error.isUnknownOption)) throw error;
    await connect(engine, front, network);
  }
}
