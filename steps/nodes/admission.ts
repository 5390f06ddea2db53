import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import type { NodeTlsPlan } from "../../plan/node-plan.ts";
import type { TlsProxy } from "../../templates/nodes/tls-proxy.ts";
import { askFromBalancer, askNode, nodeUrl } from "../balancer/ask.ts";
import { readState, withConfigVolume } from "../balancer/config-volume.ts";
import { containerState } from "../engine/containers.ts";
import { DockerError } from "../engine/docker-engine.ts";
import { requireEngine } from "../hosts/inspect-host.ts";
import { ADMIT_SECONDS, ADMIT_TRY_SECONDS, SIGN_OF_LIFE_SECONDS } from "../limits.ts";
import { StepError } from "../step-error.ts";
import { DeadlineError, until, waiting } from "../until.ts";
import { addressesOf } from "./connections.ts";
import { goneProblem } from "./gone.ts";
import { waitForRequests } from "./requests-in-flight.ts";

/** A node and its line in nginx's group. */
export interface AdmissionInput {
  balancer: BalancerRef;
  node: string;
  address: string;
  port: number;
  /** What stands in the upstream block. */
  line: string;
  /** Of a node with TLS: what its line leads to. */
  hop?: TlsProxy;
  /** How its certificate is verified. */
  tls?: NodeTlsPlan;
  /** Path that must answer before the node gets traffic; none for a node in maintenance. */
  healthPath?: string;
  drainTimeoutSeconds: number;
  /** Its host is switched off: it has no line, and nothing of it is asked for long. */
  offline?: boolean;
  /** Docker engine of a node that the mesh runs: such a node is expected to serve from now on. */
  engine?: string;
}

/**
 * Lets a node take traffic once the balancer can reach it.
 *
 * @throws StepError when it does not answer, the balancer is gone, or nginx refuses it
 */
export async function admit(input: AdmissionInput): Promise<{ admitted: string }> {
  if (!input.offline && input.healthPath !== undefined) {
    await requireAnswer(input, input.healthPath);
  }
  return enter(input);
}

/**
 * Changes a node's line: weight, backup, maintenance. Requests in flight are not touched. A node that was out
 * (its host was switched off, or its line was taken out by hand) must answer first.
 *
 * @throws StepError as admit
 */
export async function amend(input: AdmissionInput): Promise<{ admitted: string }> {
  const state = await readState(input.balancer);
  return state && input.node in state.servers ? enter(input) : admit(input);
}

/**
 * Takes a node out of traffic and waits until no request is in flight to it, or the time-out ends.
 *
 * @throws StepError when its engine, from which its container is to be removed, does not answer
 */
export async function drain(input: AdmissionInput): Promise<{ drained: string }> {
  // What comes next is that its container is removed, and that must be possible.
  if (input.engine !== undefined && !input.offline) await requireEngine(input.engine, input.node);
  await leave(input);
  return { drained: input.node };
}

async function enter(input: AdmissionInput): Promise<{ admitted: string }> {
  const { balancer, node, address, port, line, hop, engine } = input;
  if (input.offline) {
    await leave(input);
    return { admitted: "" };
  }
  const found = await containerState(balancer.endpoint, balancer.container);
  if (!found) throw new StepError(goneProblem(`the balancer ${balancer.container}`));
  const addresses = found.running ? await addressesOf(balancer, address) : [];
  const admitted = { line, addresses, port, ...(hop ? { hop } : {}) };
  await withConfigVolume(balancer, found, found.image, async ({ state, change }) => {
    const { expected, servers } = state;
    await change({
      ...state,
      servers: { ...servers, [node]: admitted },
      expected: engine === undefined ? expected : [...new Set([...expected, node])].sort(),
    });
  });
  return { admitted: node };
}

async function leave(input: AdmissionInput): Promise<void> {
  const { balancer, node, offline } = input;
  const found = await containerState(balancer.endpoint, balancer.container);
  if (!found) return;
  let wasIn = false;
  await withConfigVolume(balancer, found, found.image, async ({ state, change }) => {
    const { [node]: line, ...servers } = state.servers;
    wasIn = line !== undefined;
    if (wasIn) await change({ ...state, servers });
  });
  if (!found.running) return;
  // Requests to a host without power never end; on one that is about to be switched off they may.
  if (!offline || (wasIn && (await isAlive(input)))) await waitForRequests(input);
}

/** Whether a node answers at all, whatever it says. */
async function isAlive({ balancer, address, port, healthPath }: AdmissionInput): Promise<boolean> {
  const url = `http://${hostPort(address, port)}${healthPath ?? "/"}`;
  try {
    const { status } = await askFromBalancer(balancer, { url, seconds: SIGN_OF_LIFE_SECONDS });
    return status > 0;
  } catch (error) {
    if (error instanceof DockerError) return false;
    throw error;
  }
}

async function requireAnswer(input: AdmissionInput, path: string): Promise<void> {
  const { balancer, node } = input;
  const what = `node ${node}: GET ${nodeUrl(input, path)} from the balancer`;
  try {
    await until(what, ADMIT_SECONDS, async () => {
      try {
        const { status } = await askNode(balancer, input, { path, seconds: ADMIT_TRY_SECONDS });
        return status < 500 || waiting(`status ${status}`);
      } catch (error) {
        if (!(error instanceof DockerError)) throw error;
        // What follows curl's first line is advice on curl.
        return waiting(error.stderr.trim().split("\n")[0]!);
      }
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new StepError(
      `${error.message}; the node gets no traffic. Check that it runs and that the balancer's host may connect to it, or set maintenance: true`,
    );
  }
}
