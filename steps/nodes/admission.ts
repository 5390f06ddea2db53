import { hostPort } from "../../config/net/host-port.ts";
import { NGINX } from "../../config/defaults.ts";
import type { NodeTlsPlan } from "../../plan/node-plan.ts";
import { askFromBalancer, askNode, nodeUrl } from "../balancer/ask.ts";
import { containerState } from "../engine/containers.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { addressesOf, liveConnections } from "./connections.ts";
import type { TlsProxy } from "../../templates/nodes/tls-proxy.ts";
import { readState, withConfigVolume } from "../balancer/config-volume.ts";
import { requireEngine } from "../hosts/inspect-host.ts";
import { DockerError } from "../engine/docker-engine.ts";
import { progress, StepError } from "../step-error.ts";
import { DeadlineError, until, waiting } from "../until.ts";

const CHECK_SECONDS = 15;
const CHECK_TRY_SECONDS = 5;
const PROGRESS_MS = 5_000;
/**
 * For so long after a reload, clients may send requests on connections that they have kept; workers of the
 * config before take them, and they know the node.
 */
const OLD_WORKERS_MS = (NGINX.keepaliveMinTimeoutSeconds + 1) * 1000;

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

/** Lets a node take traffic once the balancer can reach it. */
export async function admit(input: AdmissionInput): Promise<{ admitted: string }> {
  if (!input.offline && input.healthPath !== undefined) {
    await requireAnswer(input, input.healthPath);
  }
  return enter(input);
}

/**
 * Changes a node's line: weight, backup, maintenance. Requests in flight are not touched. A node that was out
 * (its host was switched off, or its line was taken out by hand) must answer first.
 */
export async function amend(input: AdmissionInput): Promise<{ admitted: string }> {
  const state = await readState(input.balancer);
  return state && input.node in state.servers ? enter(input) : admit(input);
}

async function enter(input: AdmissionInput): Promise<{ admitted: string }> {
  const { balancer, node, address, port, line, hop: tlsProxy } = input;
  if (input.offline) {
    await leave(input);
    return { admitted: "" };
  }
  const state = await containerState(balancer.endpoint, balancer.container);
  if (!state)
    throw new StepError(
      `the balancer ${balancer.container} is gone; pulumi up --refresh makes it anew`,
    );
  const addresses = state.running ? await addressesOf(balancer, address) : [];
  const admitted = { line, addresses, port, ...(tlsProxy ? { hop: tlsProxy } : {}) };
  await withConfigVolume(balancer, state, state.image, async (volume) => {
    const { expected, servers } = volume.state;
    await volume.change({
      ...volume.state,
      servers: { ...servers, [node]: admitted },
      expected: input.engine === undefined ? expected : [...new Set([...expected, node])].sort(),
    });
  });
  return { admitted: node };
}

/** Takes a node out of traffic and waits until no request is in flight to it, or the time-out ends. */
export async function drain(input: AdmissionInput): Promise<{ drained: string }> {
  // What comes next is that its container is removed, and that must be possible.
  if (input.engine !== undefined && !input.offline) await requireEngine(input.engine, input.node);
  await leave(input);
  return { drained: input.node };
}

async function leave(input: AdmissionInput): Promise<void> {
  const { balancer, node } = input;
  const state = await containerState(balancer.endpoint, balancer.container);
  if (!state) return;
  let had = false;
  await withConfigVolume(balancer, state, state.image, async (volume) => {
    const { [node]: gone, ...servers } = volume.state.servers;
    had = gone !== undefined;
    if (had) await volume.change({ ...volume.state, servers });
  });
  // Requests to a host without power never end; on one that is about to be switched off they may.
  if (state.running && (!input.offline || (had && (await answers(input))))) {
    await waitForRequests(input);
  }
}

async function answers({ balancer, address, port, healthPath }: AdmissionInput): Promise<boolean> {
  const url = `http://${hostPort(address, port)}${healthPath ?? "/"}`;
  try {
    return (await askFromBalancer(balancer, url, 3)).status > 0;
  } catch (error) {
    if (error instanceof DockerError) return false;
    throw error;
  }
}

async function requireAnswer(input: AdmissionInput, path: string): Promise<void> {
  const { balancer, node } = input;
  try {
    await until(
      `node ${node}: GET ${nodeUrl(input, path)} from the balancer`,
      CHECK_SECONDS,
      async () => {
        try {
          const { status } = await askNode(balancer, input, path, CHECK_TRY_SECONDS);
          return status < 500 || waiting(`status ${status}`);
        } catch (error) {
          if (error instanceof DockerError)
            // What follows curl's first line is advice on curl.
            return waiting(error.stderr.trim().split("\n")[0]!);
          throw error;
        }
      },
    );
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
      const { connections, oldWorkers } = await liveConnections(
        balancer,
        input.address,
        input.port,
      );
      left = connections;
      if (left === 0 && (!oldWorkers || Date.now() - began > OLD_WORKERS_MS)) return true;
      const requests = left === 1 ? "1 request" : `${left} requests`;
      if (left > 0 && Date.now() - shown >= PROGRESS_MS) {
        shown = Date.now();
        const seconds = Math.round(drainTimeoutSeconds - (shown - began) / 1000);
        progress(`node ${node}: ${requests} in flight, ${seconds} s left to finish`);
      }
      return waiting(`${requests} in flight`);
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    if (left === 0) return;
    progress(
      `node ${node}: ${left} in flight did not finish in ${drainTimeoutSeconds} s and are cut (rollout.drainTimeoutSeconds)`,
    );
    return;
  }
  const seconds = (Date.now() - began) / 1000;
  if (seconds > 1) progress(`node ${node}: idle after ${seconds.toFixed(0)} s`);
}
