import { DockerError } from "../../steps/engine/docker-engine.ts";
import { StepError } from "../../steps/step-error.ts";

/** Something that is wrong with a mesh. */
export interface Finding {
  /** Of what: "host ssh://ops@rack1", "balancer lab-balancer", "node a". */
  of: string;
  /** In words, with its way out. */
  text: string;
}

/** What was looked at, and what is wrong with it. */
export interface Examination {
  /** A line that says what was seen; absent where nothing could be. */
  seen?: string;
  findings: Finding[];
}

/** The examination, or that it was not possible, as a finding: one thing out of reach hides nothing of the rest. */
export async function orFinding(
  of: string,
  examine: () => Promise<Examination>,
): Promise<Examination> {
  try {
    return await examine();
  } catch (error) {
    if (!(error instanceof StepError || error instanceof DockerError)) throw error;
    return { findings: [{ of, text: error.message }] };
  }
}
