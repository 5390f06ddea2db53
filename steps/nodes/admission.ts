import { isDeepStrictEqual } from "node:util";
import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import type { NodeTlsPlan } from "../../plan/node-plan.ts";
import type { AdmittedNode } from "../../templates/admitted-servers.ts";
import type { DeclaredNode } from "../../templates/nodes/routed-node.ts";
import type { Hop } from "../../templates/nodes/hop.ts";
import { askFromBalancer, askNode, nodeUrl } from "../balancer/ask.ts";
import { readState, withConfigVolume } from "../balancer/config-volume.ts";
import { findBalancer } from "../balancer/front/find-balancer.ts";
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
  /** Whose group it is in; absent for the default one. */
  pool?: string;
  /** Of a node with TLS or a key: what its line leads to. */
  hop?: Hop;
  /** What the program in nginx is told of it; absent where nothing is routed to it. */
  routed?: DeclaredNode;
  /** How its certificate is verified. */
  tls?: NodeTlsPlan;
  /** By which it knows the balancer; absent where it asks for none. */
  apiKey?: string;
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
    await requireAnswer(input, input.healthPath, "the node gets no traffic");
  }
  return enter(input);
}

/**
 * Changes a node's line: weight, backup, maintenance. Requests in flight are not touched. A node that was out
 * (its host was switched off, or its line was taken out by hand), or that is to be reached in another way than
 * before, must answer first.
 *
 * @throws StepError as admit
 */
export async function amend(input: AdmissionInput): Promise<{ admitted: string }> {
  const state = await readState(input.balancer);
  const before = state?.servers[input.node];
  if (!before) return admit(input);
  if (!input.offline && input.healthPath !== undefined && !isReachedAlike(before, input)) {
    await requireAnswer(input, input.healthPath, "the node stays where it was in traffic");
  }
  return enter(input);
}

/** Whether address, port and all that concerns TLS are the same, so that nothing new can be wrong. */
const isReachedAlike = (before: AdmittedNode, { line, port, hop }: AdmissionInput): boolean =>
  placeIn(before.line) === placeIn(line) &&
  before.port === port &&
  isDeepStrictEqual(before.hop, hop);

const placeIn = (line: string): string | undefined => /^server (\S+?);?( |$)/.exec(line)?.[1];

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
  const { balancer, node, address, engine } = input;
  if (input.offline) {
    await leave(input);
    return { admitted: "" };
  }
  const found = await findBalancer(balancer);
  if (!found) throw new StepError(goneProblem(`the balancer ${balancer.container}`));
  const addresses = found.running ? await addressesOf(balancer, address) : [];
  const admitted = admittedNode(input, addresses);
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

/** What the balancer keeps of a node in traffic. */
export const admittedNode = (
  {
    line,
    port,
    pool,
    hop,
    routed,
  }: Pick<AdmissionInput, "line" | "port" | "pool" | "hop" | "routed">,
  addresses: string[],
): AdmittedNode => ({
  line,
  addresses,
  port,
  ...(pool === undefined ? {} : { pool }),
  ...(hop ? { hop } : {}),
  ...(routed ? { routed } : {}),
});

async function leave(input: AdmissionInput): Promise<void> {
  const { balancer, node, offline } = input;
  const found = await findBalancer(balancer);
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

async function requireAnswer(
  input: AdmissionInput,
  path: string,
  otherwise: string,
): Promise<void> {
  const { balancer, node } = input;
  const what = `node ${node}: GET ${nodeUrl(input, path)} from the balancer`;
  try {
    await until(what, ADMIT_SECONDS, async () => {
      try {
        const { status } = await askNode(balancer, input, { path, seconds: ADMIT_TRY_SECONDS });
        if (input.apiKey !== undefined && (status === 401 || status === 403)) {
          throw new StepError(
            `${what}: status ${status}, it does not take the key; correct the node's apiKey, or set maintenance: true`,
          );
        }
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
      `${error.message}; ${otherwise}. Check that it runs and that the balancer's host may connect to it, or set maintenance: true`,
    );
  }
}
