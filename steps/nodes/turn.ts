import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { readState, withConfigVolume } from "../balancer/config-volume.ts";
import { findBalancer } from "../balancer/front/find-balancer.ts";
import { StepError } from "../step-error.ts";

/** A node whose container is about to be made or replaced. */
export interface TurnInput {
  balancer: BalancerRef;
  mesh: string;
  node: string;
  /** Hash of what the container is made of: a change of it is a new turn. */
  spec: string;
  /** Its host is switched off: nothing will be made or replaced, and nobody expects it. */
  offline?: boolean;
  maxUnavailable: number;
}

/**
 * The first turn of a node. It is expected to serve once it was admitted.
 *
 * @throws StepError when it is declared offline: then nothing can be made there
 */
export async function enlist(input: TurnInput): Promise<{ node: string }> {
  if (input.offline) {
    throw new StepError(
      `node ${input.node} is declared offline, but was never made; leave it out until its host is on`,
    );
  }
  return takeTurn(input);
}

/**
 * Lets a node's container be replaced only while enough others serve. What is out comes first anyway, where
 * the program could ask the balancer (see components/observed/rollout-order.ts); this keeps an `up` that could not ask, or was told to
 * change some nodes only, from taking out the rest.
 *
 * @throws StepError when too many others are out
 */
export async function takeTurn(input: TurnInput): Promise<{ node: string }> {
  const { balancer, node } = input;
  if (input.offline) return delist(input);
  // Without a balancer there is no traffic to guard.
  const state = await readState(balancer);
  if (state && node in state.servers) {
    const out = state.expected.filter((other) => other !== node && !(other in state.servers));
    if (out.length >= input.maxUnavailable) throw new StepError(refusal(input, out));
  }
  return { node };
}

function refusal({ mesh, node, maxUnavailable }: TurnInput, out: string[]): string {
  const targets = out.map(
    (other) => `--target '**::${mesh}-${other}' --target '**::${mesh}-${other}-*'`,
  );
  return `node ${node} stays in traffic: ${out.join(", ")} ${out.length === 1 ? "is" : "are"} out already, and rollout.maxUnavailable is ${maxUnavailable}; bring back what is out first, then run pulumi up again:\n  pulumi up ${targets.join(" ")}`;
}

/** Takes a node that is no longer declared, or whose host is switched off, off the list of those expected to serve. */
export async function delist({ balancer, node }: TurnInput): Promise<{ node: string }> {
  const found = await findBalancer(balancer);
  if (!found) return { node };
  await withConfigVolume(balancer, found, found.image, async ({ state, remember }) => {
    if (!state.expected.includes(node)) return;
    await remember({ ...state, expected: state.expected.filter((other) => other !== node) });
  });
  return { node };
}
