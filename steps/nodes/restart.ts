import { readState } from "../balancer/config-volume.ts";
import { containerState } from "../engine/containers.ts";
import { dockerEngine } from "../engine/docker-engine.ts";
import { STOP_SECONDS } from "../limits.ts";
import { progress, StepError } from "../step-error.ts";
import { admit, drain, type AdmissionInput } from "./admission.ts";
import { goneProblem } from "./gone.ts";
import { ready, type ReadyInput } from "./ready.ts";

/** The node that is to be restarted, by what its own steps were told. */
export interface RestartInput {
  ready: ReadyInput;
  admission: AdmissionInput;
}

/**
 * Takes a node out of traffic, restarts its container and lets it in again once it gives a token. Requests to
 * other nodes are not touched; those in flight to this one get `admission.drainTimeoutSeconds`.
 *
 * @throws StepError when it does not come back; it is out of traffic then
 */
export async function restart(input: RestartInput): Promise<{ restarted: string }> {
  const { admission, ready: gate } = input;
  const { balancer, node, drainTimeoutSeconds } = admission;
  if (admission.offline) {
    throw new StepError(
      `node ${node} is declared offline; take offline: true away and run pulumi up first`,
    );
  }
  const state = await readState(balancer);
  if (!state) throw new StepError(goneProblem(`the balancer ${balancer.container}`));
  const others = Object.keys(state.servers).filter((other) => other !== node);
  if (others.length === 0) {
    progress(`no other node is in traffic: until ${node} is back, clients get 503`);
  }
  progress(`node ${node}: out of traffic; requests in flight get ${drainTimeoutSeconds} s`);
  await drain(admission);
  progress(`node ${node}: restarting container ${gate.container}`);
  await restartContainer(gate);
  progress(`node ${node}: waiting for its answer`);
  await ready(gate);
  await admit(admission);
  return { restarted: node };
}

async function restartContainer({ endpoint, container, node }: ReadyInput): Promise<void> {
  const { docker } = dockerEngine(endpoint);
  const state = await containerState(endpoint, container);
  if (!state) throw new StepError(goneProblem(`container ${container} of node ${node}`));
  // Docker neither stops nor kills a paused container.
  if (state.status === "paused") await docker(["unpause", container]);
  await docker(["restart", "--time", `${STOP_SECONDS}`, container]);
}
