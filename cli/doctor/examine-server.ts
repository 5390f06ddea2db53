import { askNode } from "../../steps/balancer/ask.ts";
import { DockerError } from "../../steps/engine/docker-engine.ts";
import { HOST_ANSWER_SECONDS } from "../../steps/limits.ts";
import type { AdmissionInput } from "../../steps/nodes/admission.ts";
import type { Examination } from "./finding.ts";

/**
 * Looks at a server that the mesh balances and does not run: whether it answers the balancer, as before it was let in.
 *
 * @throws StepError when the balancer's engine does not answer
 */
export async function examineServer(input: AdmissionInput): Promise<Examination> {
  const { balancer, node, healthPath: path, apiKey } = input;
  const of = `node ${node}`;
  if (path === undefined) return { seen: `${of}: in maintenance, not asked`, findings: [] };
  const problem = (what: string, wayOut: string): Examination => ({
    findings: [{ of, text: `${what}; ${wayOut}` }],
  });
  try {
    const { status } = await askNode(balancer, input, { path, seconds: HOST_ANSWER_SECONDS });
    if (apiKey !== undefined && (status === 401 || status === 403)) {
      return problem(`it does not take its key (status ${status})`, "correct the node's apiKey");
    }
    if (status < 500) return { seen: `${of}: answers`, findings: [] };
    return problem(`it answers GET ${path} with status ${status}`, MEND);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const words = error.stderr.trim().split("\n")[0]!.slice(0, 200);
    return problem(`it does not answer GET ${path} (${words})`, MEND);
  }
}

const MEND = "the mesh does not run it: start it yourself, or set maintenance: true on it";
