import { readFileSync } from "node:fs";
import { hostPort } from "../../../config/net/host-port.ts";
import type { BalancerPlan } from "../../../plan/balancer-plan.ts";
import type { VirtualAddress } from "../../../plan/virtual-address.ts";
import { containerState, lastLog } from "../../engine/containers.ts";
import { DockerError, dockerEngine, type DockerEngine } from "../../engine/docker-engine.ts";
import { SERVING_SECONDS } from "../../limits.ts";
import { StepError } from "../../step-error.ts";
import { DeadlineError, until, waiting } from "../../until.ts";

/** Without comments: a better one must replace nobody's container. */
const HOLD = readFileSync(new URL("hold-address.sh", import.meta.url), "utf8").replace(
  /^ *(#.*)?\n/gm,
  "",
);

/** Processes of it: keepalived's two, and the shell that asks nginx. */
const PIDS = 32;

/** What a container runs that holds an address: see hold-address.sh. */
export function holdAddressCommand(
  { inNetwork, own, peer, routerId, priority }: VirtualAddress,
  { listen, tls }: Pick<BalancerPlan, "listen" | "tls">,
): string[] {
  const url = `${tls ? "https" : "http"}://${hostPort(own, listen.port)}/healthz`;
  return ["-c", HOLD, "sh", inNetwork, own, peer, `${routerId}`, `${priority}`, url];
}

/** By which docker says whether a machine has the address at the moment: it prints something then. */
export const holdsAddressCommand = ({ container, address }: VirtualAddress): string[] => [
  ...["exec", container, "ip", "-o", "-4", "addr", "show", "to", address],
];

/** The container that must hold an address in its turn. */
export interface HoldAddressInput {
  endpoint: string;
  container: string;
}

/**
 * Waits until keepalived runs on a machine, so that the other one may be changed.
 *
 * @throws StepError with its last lines when it does not
 */
export async function holdAddress({
  endpoint,
  container,
}: HoldAddressInput): Promise<{ runs: string }> {
  const { docker } = dockerEngine(endpoint);
  try {
    await until(`container ${container} runs keepalived`, SERVING_SECONDS, async () => {
      const state = await containerState(endpoint, container);
      if (state?.status === "exited") await docker(["start", container]);
      if (state?.status !== "running") return waiting(`container ${state?.status ?? "is gone"}`);
      try {
        await docker(["update", "--pids-limit", `${PIDS}`, container]);
        await docker(["exec", container, "test", "-s", "/run/keepalived/vrrp.pid"]);
        return true as const;
      } catch (error) {
        if (error instanceof DockerError) return waiting(error.lastWords);
        throw error;
      }
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    const log = await lastLog(endpoint, container).catch(() => "  (no log)");
    throw new StepError(
      `${error.message} on ${endpoint}; mend what the last lines name and run pulumi up again:\n${log}`,
    );
  }
  return { runs: container };
}

/**
 * Does something that interrupts a balancer while its machine has not the address: where it had it, the other one takes
 * it over. What is open on it is cut.
 *
 * @param container that holds the address in its turn; undefined where there is none to share
 */
export async function withoutAddress<T>(
  { docker }: DockerEngine,
  container: string | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (container === undefined) return work();
  const stopped = await unlessGone(docker(["stop", container]));
  try {
    return await work();
  } finally {
    if (stopped) await docker(["start", container]);
  }
}

async function unlessGone(stopping: Promise<string>): Promise<boolean> {
  try {
    await stopping;
    return true;
  } catch (error) {
    if (error instanceof DockerError && error.isNotFound) return false;
    throw error;
  }
}
