import { NGINX } from "../../config/defaults.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { DRAIN_PROGRESS_SECONDS } from "../limits.ts";
import { progress } from "../step-error.ts";
import { DeadlineError, until, waiting } from "../until.ts";
import { liveConnections, type LiveConnections } from "./connections.ts";

/**
 * For so long after a reload, clients may send requests on connections that they have kept; workers of the
 * config before take them, and they know the node.
 */
const OLD_WORKERS_SECONDS = NGINX.keepaliveMinTimeoutSeconds + 1;

/** A node whose line is gone from nginx's config. */
export interface DrainedNode {
  balancer: BalancerRef;
  node: string;
  address: string;
  port: number;
  drainTimeoutSeconds: number;
}

/**
 * Waits until no request is in flight to a node, and shows how it goes. Requests that do not end in time are cut by
 * what comes next: that is said, and is no error.
 */
export async function waitForRequests(drained: DrainedNode): Promise<void> {
  const { balancer, node, address, port, drainTimeoutSeconds } = drained;
  const began = Date.now();
  const seconds = () => (Date.now() - began) / 1000;
  let shownAt = 0;
  let inFlight = 0;
  try {
    await until(`node ${node} is idle`, drainTimeoutSeconds, async () => {
      const live = await liveConnections(balancer, address, port);
      inFlight = live.connections;
      if (isIdle(live, seconds())) return true;
      if (inFlight > 0 && seconds() - shownAt >= DRAIN_PROGRESS_SECONDS) {
        shownAt = seconds();
        const left = Math.round(drainTimeoutSeconds - shownAt);
        progress(`node ${node}: ${requests(inFlight)} in flight, ${left} s left to finish`);
      }
      return waiting(`${requests(inFlight)} in flight`);
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    if (inFlight === 0) return;
    progress(
      `node ${node}: ${inFlight} in flight did not finish in ${drainTimeoutSeconds} s and are cut (rollout.drainTimeoutSeconds)`,
    );
    return;
  }
  if (seconds() > 1) progress(`node ${node}: idle after ${seconds().toFixed(0)} s`);
}

/**
 * Whether no request is in flight, and none can come any more.
 *
 * @param seconds since the node's line is gone
 */
export const isIdle = ({ connections, oldWorkers }: LiveConnections, seconds: number): boolean =>
  connections === 0 && (!oldWorkers || seconds > OLD_WORKERS_SECONDS);

const requests = (count: number): string => (count === 1 ? "1 request" : `${count} requests`);
