import { containerState, lastLog } from "../engine/containers.ts";
import { servingHash } from "./ask.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { dockerEngine } from "../engine/docker-engine.ts";
import { StepError } from "../step-error.ts";
import { DeadlineError, until, waiting } from "../until.ts";

const SECONDS = 30;

/** The balancer that must serve. */
export interface ServingInput {
  balancer: BalancerRef;
  pids: number;
}

/** Waits until nginx answers with its config. */
export async function serving(input: ServingInput): Promise<{ serving: string }> {
  const { balancer } = input;
  const { endpoint, container } = balancer;
  await dockerEngine(endpoint).docker(["update", "--pids-limit", String(input.pids), container]);
  try {
    const hash = await until(`the balancer ${container} serves`, SECONDS, async () => {
      const seen = await servingHash(balancer);
      if (seen) return seen;
      const state = await containerState(endpoint, container);
      return waiting(state ? `container ${state.status}` : "no such container");
    });
    return { serving: hash };
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new StepError(`${error.message}; its last lines:\n${await lastLog(endpoint, container)}`);
  }
}
