import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { containerState, lastLog } from "../engine/containers.ts";
import { dockerEngine } from "../engine/docker-engine.ts";
import { SERVING_SECONDS } from "../limits.ts";
import { StepError } from "../step-error.ts";
import { DeadlineError, until, waiting } from "../until.ts";
import { servingHash } from "./ask.ts";

/** The balancer that must serve. */
export interface ServingInput {
  balancer: BalancerRef;
  /** Processes that its container may have; the docker provider has no such argument. */
  pids: number;
}

/**
 * Waits until nginx answers with its config.
 *
 * @throws StepError with the last lines of its container when it does not
 */
export async function serving(input: ServingInput): Promise<{ serving: string }> {
  const { balancer, pids } = input;
  const { endpoint, container } = balancer;
  await dockerEngine(endpoint).docker(["update", "--pids-limit", `${pids}`, container]);
  try {
    const hash = await until(`the balancer ${container} serves`, SERVING_SECONDS, async () => {
      const seen = await servingHash(balancer);
      if (seen) return seen;
      const state = await containerState(endpoint, container);
      return waiting(state ? `container ${state.status}` : "no such container");
    });
    return { serving: hash };
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    const log = await lastLog(endpoint, container);
    throw new StepError(
      `${error.message}; mend what its last lines name and run pulumi up again:\n${log}`,
    );
  }
}
