import { containerState, type BalancerPlace } from "./balancer.ts";
import { withConfigVolume } from "./config-volume.ts";
import { StepError } from "./step-error.ts";

/** A node whose container is about to be made or replaced. */
export interface TurnInput {
  balancer: BalancerPlace;
  mesh: string;
  node: string;
  /** Hash of what the container is made of: a change of it is a new turn. */
  spec: string;
  maxUnavailable: number;
}

/** Puts a new node on the list of those that ought to serve. */
export async function enlist({ balancer, node }: TurnInput): Promise<{ node: string }> {
  await changeExpected(balancer, (expected) => [...new Set([...expected, node])].sort());
  return { node };
}

/**
 * Lets a node's container be replaced only while enough others serve. A roll that was stopped by a
 * broken node and is followed by another change begins at the first node again, with the broken one
 * still out; this is what keeps it from taking out the rest.
 */
export async function takeTurn(input: TurnInput): Promise<{ node: string }> {
  const { balancer, node } = input;
  await withBalancer(balancer, async (image) => {
    await withConfigVolume(balancer, image, async ({ state }) => {
      const out = state.expected.filter((other) => other !== node && !(other in state.servers));
      if (out.length >= input.maxUnavailable) throw new StepError(refusal(input, out));
    });
  });
  return { node };
}

function refusal({ mesh, node, maxUnavailable }: TurnInput, out: string[]): string {
  const targets = out.map(
    (other) => `--target '**::${mesh}-${other}' --target '**::${mesh}-${other}-*'`,
  );
  return `node ${node} stays in traffic: ${out.join(", ")} ${out.length === 1 ? "is" : "are"} out already, and rollout.maxUnavailable is ${maxUnavailable}; bring back what is out first, then run pulumi up again:\n  pulumi up ${targets.join(" ")}`;
}

/** Takes a node that is no longer declared off the list. */
export async function delist({ balancer, node }: TurnInput): Promise<{ node: string }> {
  await changeExpected(balancer, (expected) => expected.filter((other) => other !== node));
  return { node };
}

async function changeExpected(balancer: BalancerPlace, next: (expected: string[]) => string[]) {
  await withBalancer(balancer, (image) =>
    withConfigVolume(balancer, image, async ({ state, remember }) =>
      remember({ ...state, expected: next(state.expected) }),
    ),
  );
}

/** Without a balancer there is no traffic to guard. */
async function withBalancer(balancer: BalancerPlace, work: (image: string) => Promise<unknown>) {
  const state = await containerState(balancer.endpoint, balancer.container);
  if (state) await work(state.image);
}
