import { inspectHost } from "./inspect-host.ts";
import type { HostNeeds } from "./host-needs.ts";
import { StepError } from "../step-error.ts";

/** What preflight asks one host. */
export interface PreflightInput extends HostNeeds {
  /** It is declared to be switched off. */
  offline?: boolean;
  /** What will be changed on the host, so that a change is preceded by a new look at it. */
  for: string;
}

/** Asks a host, before anything is changed, whether what is declared can work there. */
export async function preflight(input: PreflightInput): Promise<{ engine: string }> {
  if (input.offline) {
    throw new StepError(
      `Docker engine ${input.endpoint} is declared offline, but nothing was ever made there; leave its nodes out until it is on`,
    );
  }
  const { engine = "", problems } = await inspectHost(input);
  if (problems.length > 0) throw new StepError(inWords(input.endpoint, problems).join("\n"));
  return { engine };
}

/** The problems of a host; those of an engine that was not reached name it themselves. */
export const inWords = (endpoint: string, problems: readonly string[]): string[] =>
  problems.map((problem) =>
    problem.startsWith("Docker engine ") ? problem : `Docker engine ${endpoint}: ${problem}`,
  );
