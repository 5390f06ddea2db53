import { StepError } from "../step-error.ts";
import type { HostNeeds } from "./host-needs.ts";
import { describeProblems } from "./host-problem.ts";
import { inspectHost } from "./inspect-host.ts";

/** What preflight asks one host. */
export interface PreflightInput extends HostNeeds {
  /** It is declared to be switched off. */
  offline?: boolean;
  /** What will be changed on the host, so that a change is preceded by a new look at it. */
  for: string;
}

/**
 * Asks a host, before anything is changed, whether what is declared can work there.
 *
 * @throws StepError with every problem of the host
 */
export async function preflight(input: PreflightInput): Promise<{ engine: string }> {
  const { endpoint, offline } = input;
  if (offline) {
    throw new StepError(
      `Docker engine ${endpoint} is declared offline, but nothing was ever made there; leave its nodes out until it is on`,
    );
  }
  const { engine = "", problems } = await inspectHost(input);
  if (problems.length > 0) {
    throw new StepError(describeProblems(endpoint, problems).join("\n"));
  }
  return { engine };
}
