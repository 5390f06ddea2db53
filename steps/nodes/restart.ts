import { readState } from "../balancer/config-volume.ts";
import { containerState } from "../engine/containers.ts";
import { dockerEngine } from "../engine/docker-engine.ts";
import { STOP_SECONDS } from "../limits.ts";
import { progress, StepError } from "../step-error.ts";
import { admit, drain, type AdmissionInput } from "./admission.ts";
import { goneProblem } from "./gone.ts";
import { ready, type ReadyInput } from "./ready.ts";

/** What a node's own steps at a balancer were told. */
export interface NodePlace {
  ready: ReadyInput;
  admission: AdmissionInput;
}

/** The node that is to be restarted. */
export interface RestartInput extends NodePlace {
  /** Its place at a second balancer. */
  second?: NodePlace;
}

/**
 * Takes a node out of traffic, restarts its container and lets it in again once it gives a token. Requests to
 * other nodes are not touched; those in flight to this one get `admission.drainTimeoutSeconds`.
 *
 * @throws StepError when a balancer does not run, and nothing is done; when it does not come back, it is out of traffic
 */
export async function restart(input: RestartInput): Promise<{ restarted: string }> {
  const { admission, ready: gate, second } = input;
  const { node, drainTimeoutSeconds } = admission;
  const places = [input, ...(second ? [second] : [])];
  if (admission.offline) {
    throw new StepError(
      `node ${node} is declared offline; take offline: true away and run pulumi up first`,
    );
  }
  for (const place of places) await requireBalancer(place.admission);
  for (const place of places) await warnOfLast(place.admission);
  progress(`node ${node}: out of traffic; requests in flight get ${drainTimeoutSeconds} s`);
  await Promise.all(places.map((place) => drain(place.admission)));
  progress(`node ${node}: restarting container ${gate.container}`);
  await restartContainer(gate);
  progress(`node ${node}: waiting for its answer`);
  for (const place of places) {
    await ready(place.ready);
    await admit(place.admission);
  }
  return { restarted: node };
}

/** Without it nobody could tell when the node answers again, and it would stay out of traffic, at another balancer too. */
async function requireBalancer({ balancer, node }: AdmissionInput): Promise<void> {
  const { endpoint, container } = balancer;
  const found = await containerState(endpoint, container);
  if (!found) throw new StepError(goneProblem(`the balancer ${container}`));
  if (found.status === "running") return;
  throw new StepError(
    `node ${node} is left as it is: the balancer ${container} on ${endpoint} is ${found.status}; mend that first, ollama-mesh doctor says how`,
  );
}

async function warnOfLast({ balancer, node }: AdmissionInput): Promise<void> {
  const state = await readState(balancer);
  if (!state) throw new StepError(goneProblem(`the balancer ${balancer.container}`));
  const others = Object.keys(state.servers).filter((other) => other !== node);
  if (others.length > 0) return;
  progress(`no other node is in traffic: until ${node} is back, clients get 503`);
}

async function restartContainer({ endpoint, container, node }: ReadyInput): Promise<void> {
  const { docker } = dockerEngine(endpoint);
  const state = await containerState(endpoint, container);
  if (!state) throw new StepError(goneProblem(`container ${container} of node ${node}`));
  // Docker neither stops nor kills a paused container.
  if (state.status === "paused") await docker(["unpause", container]);
  await docker(["restart", "--time", `${STOP_SECONDS}`, container]);
}
