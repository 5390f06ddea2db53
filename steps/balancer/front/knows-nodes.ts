import type { MeshStatus, NodeStatus } from "../../../templates/status/mesh-status.ts";
import { STATUS_PATH } from "../../../templates/status/status-conf.ts";
import { DockerError, type DockerEngine } from "../../engine/docker-engine.ts";
import { KNOWS_NODES_SECONDS } from "../../limits.ts";
import { progress, StepError } from "../../step-error.ts";
import { DeadlineError, until, waiting } from "../../until.ts";
import { askItself, loopbackUrl } from "../ask.ts";

/**
 * Waits until a new nginx has heard of every node that the one before holds for well: without that it would choose
 * nodes blindly, and tell of the models of one of them only. A node that it does not reach is no reason to wait for ever.
 *
 * @param nginx id of the new one's container
 * @param before id of the container of the one that serves
 */
export async function untilItKnowsNodes(
  engine: DockerEngine,
  nginx: string,
  before: string,
): Promise<void> {
  try {
    await until("the new nginx knows its nodes", KNOWS_NODES_SECONDS, async () => {
      const [now, then] = await Promise.all([nodesOf(engine, nginx), nodesOf(engine, before)]);
      const well = (then ?? []).filter(isThere).map(({ name }) => name);
      const missing = (now ?? []).filter((node) => well.includes(node.name) && !isThere(node));
      if (now === undefined) return waiting("it does not say");
      return missing.length === 0 || waiting(`not ${missing.map(({ name }) => name).join(", ")}`);
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    progress(`${error.message}; it takes the place of the one before all the same`);
  }
}

const isThere = ({ state }: NodeStatus) => state !== "gone" && state !== "unknown";

/** What an nginx holds of its nodes: nothing where it keeps no account of them, undefined where it does not say. */
async function nodesOf(engine: DockerEngine, nginx: string): Promise<NodeStatus[] | undefined> {
  try {
    const told = await askItself(engine, nginx, loopbackUrl(STATUS_PATH));
    const status = JSON.parse(told) as MeshStatus;
    return status.routing === "plain" ? [] : status.nodes;
  } catch (error) {
    if (error instanceof DockerError || error instanceof StepError) return undefined;
    throw error;
  }
}
