import { hostPort } from "../components/balancer-plan.ts";
import type { NodeTlsPlan } from "../components/plan.ts";
import { askFromBalancer, askOverTls, containerState, type BalancerPlace } from "./balancer.ts";
import { addressesOf, openConnections } from "./connections.ts";
import type { TlsHop } from "../templates/tls-hop.ts";
import { withConfigVolume } from "./config-volume.ts";
import { DockerError } from "./docker-engine.ts";
import { progress, StepError } from "./step-error.ts";
import { DeadlineError, until, waiting } from "./until.ts";

const CHECK_SECONDS = 15;
const CHECK_TRY_SECONDS = 5;
const PROGRESS_MS = 5_000;

/** A node and its line in nginx's group. */
export interface AdmissionInput {
  balancer: BalancerPlace;
  node: string;
  address: string;
  port: number;
  /** What stands in the upstream block. */
  line: string;
  /** Of a node with TLS: what its line leads to. */
  hop?: TlsHop;
  /** How its certificate is verified. */
  tls?: NodeTlsPlan;
  /** Path that must answer before the node gets traffic; none for a node in maintenance. */
  healthPath?: string;
  drainTimeoutSeconds: number;
}

/** Lets a node take traffic once the balancer can reach it. */
export async function admit(input: AdmissionInput): Promise<{ admitted: string }> {
  if (input.healthPath !== undefined) await requireAnswer(input, input.healthPath);
  return amend(input);
}

/** Changes a node's line: weight, backup, maintenance. Requests in flight are not touched. */
export async function amend(input: AdmissionInput): Promise<{ admitted: string }> {
  const { balancer, node, address, port, line, hop } = input;
  const state = await containerState(balancer.endpoint, balancer.container);
  if (!state)
    throw new StepError(
      `the balancer ${balancer.container} is gone; pulumi up --refresh makes it anew`,
    );
  const addresses = state.running ? await addressesOf(balancer, address) : [];
  const admitted = { line, addresses, port, ...(hop ? { hop } : {}) };
  await withConfigVolume(balancer, state.image, async (volume) =>
    volume.change({ ...volume.state, servers: { ...volume.state.servers, [node]: admitted } }),
  );
  return { admitted: node };
}

/** Takes a node out of traffic and waits until no request is in flight to it, or the time-out ends. */
export async function drain(input: AdmissionInput): Promise<{ drained: string }> {
  const { balancer, node } = input;
  const state = await containerState(balancer.endpoint, balancer.container);
  if (!state) return { drained: node };
  await withConfigVolume(balancer, state.image, async (volume) => {
    const { [node]: _gone, ...servers } = volume.state.servers;
    await volume.change({ ...volume.state, servers });
  });
  if (state.running) await waitForRequests(input);
  return { drained: node };
}

async function requireAnswer(input: AdmissionInput, path: string): Promise<void> {
  const { balancer, node, address, port, tls } = input;
  const url = `${tls ? "https" : "http"}://${hostPort(tls?.serverName ?? address, port)}${path}`;
  const ask = () =>
    tls
      ? askOverTls(balancer, { address, port, tls }, path, CHECK_TRY_SECONDS)
      : askFromBalancer(balancer, url, CHECK_TRY_SECONDS);
  try {
    await until(`node ${node}: GET ${url} from the balancer`, CHECK_SECONDS, async () => {
      try {
        const { status } = await ask();
        return status < 500 || waiting(`status ${status}`);
      } catch (error) {
        if (error instanceof DockerError)
          // What follows curl's first line is advice on curl.
          return waiting(error.stderr.trim().split("\n")[0]!);
        throw error;
      }
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new StepError(
      `${error.message}; the node gets no traffic. Check that it runs and that the balancer's host may connect to it, or set maintenance: true`,
    );
  }
}

async function waitForRequests(input: AdmissionInput): Promise<void> {
  const { balancer, node, drainTimeoutSeconds } = input;
  const began = Date.now();
  let shown = began;
  let left = 0;
  try {
    await until(`node ${node} is idle`, drainTimeoutSeconds, async () => {
      left = await openConnections(balancer, input.address, input.port);
      if (left === 0) return true;
      const requests = left === 1 ? "1 request" : `${left} requests`;
      if (Date.now() - shown >= PROGRESS_MS) {
        shown = Date.now();
        const seconds = Math.round(drainTimeoutSeconds - (shown - began) / 1000);
        progress(`node ${node}: ${requests} in flight, ${seconds} s left to finish`);
      }
      return waiting(`${requests} in flight`);
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    progress(
      `node ${node}: ${left} in flight did not finish in ${drainTimeoutSeconds} s and are cut (rollout.drainTimeoutSeconds)`,
    );
    return;
  }
  const seconds = (Date.now() - began) / 1000;
  if (seconds > 1) progress(`node ${node}: idle after ${seconds.toFixed(0)} s`);
}
