import type { BalancerRef } from "../../plan/balancer-ref.ts";
import type { NodeTlsPlan } from "../../plan/node-plan.ts";
import { askNode, nodeUrl, type Answer } from "../balancer/ask.ts";
import { DockerError } from "../engine/docker-engine.ts";
import { containerState, type ContainerState } from "../engine/containers.ts";
import { READY_TRY_SECONDS, RESTARTS } from "../limits.ts";
import { StepError } from "../step-error.ts";
import { until, waiting } from "../until.ts";
import { goneProblem } from "./gone.ts";

/** A node whose answer is waited for, with the containers that it needs for it. */
export interface AnsweringNode {
  balancer: BalancerRef;
  endpoint: string;
  container: string;
  node: string;
  address: string;
  port: number;
  /** What stands beside it and is published in its place. */
  guard?: { container: string; pids: number };
  /** How the balancer gets past the guard. */
  tls?: NodeTlsPlan;
  /** By which it knows the balancer; absent where it asks for none. */
  apiKey?: string;
}

/** What a node is asked. */
export interface NodeQuestion {
  path: string;
  /** JSON to post, or its text; it may take all the time that is left. Without it the request is a GET, of which each try takes seconds. */
  body?: object | string;
}

/** Its container, and that of its guard. */
export const containersOf = ({ container, guard }: AnsweringNode): string[] => [
  container,
  ...(guard ? [guard.container] : []),
];

/**
 * Asks a node until its answer is 200.
 *
 * @param deadline in milliseconds, as Date.now() counts
 * @throws StepError when one of its containers is gone or dies again and again; DeadlineError
 */
export const okAnswer = (
  node: AnsweringNode,
  deadline: number,
  question: NodeQuestion,
): Promise<Answer> => answer(node, deadline, question, ({ status }) => status === 200);

/** As okAnswer, but whatever the node says is its last word, if it is not that it is busy (503). */
export const lastWord = (
  node: AnsweringNode,
  deadline: number,
  question: NodeQuestion,
): Promise<Answer> => answer(node, deadline, question, ({ status }) => status !== 503);

/** A question as it is named in errors, such as "GET http://10.0.0.7:11434/api/version". */
export const nameOf = (node: AnsweringNode, { path, body }: NodeQuestion): string =>
  `${body ? "POST" : "GET"} ${nodeUrl(node, path)}`;

/** An answer as it is named in errors. */
export const wordsOf = ({ status, body }: Answer): string =>
  `status ${status} ${body.slice(0, 200)}`.trim();

function answer(
  node: AnsweringNode,
  deadline: number,
  question: NodeQuestion,
  isAnswer: (answer: Answer) => boolean,
): Promise<Answer> {
  const left = () => secondsLeft(deadline);
  return until(nameOf(node, question), left(), async () => {
    await requireRunning(node);
    const seconds = question.body ? left() : Math.min(READY_TRY_SECONDS, left());
    try {
      const got = await askNode(node.balancer, node, { ...question, seconds });
      return isAnswer(got) ? got : waiting(wordsOf(got));
    } catch (error) {
      if (error instanceof DockerError) return waiting(error.stderr.trim());
      throw error;
    }
  });
}

/**
 * Does with its containers what can only be done while they run. One that ends at once is waited for until it is plain
 * that it does not stay up.
 *
 * @param deadline in milliseconds, as Date.now() counts
 * @throws StepError when one of its containers is gone, stopped or dies again and again; DeadlineError
 */
export function onceRunning(
  node: AnsweringNode,
  deadline: number,
  work: () => Promise<unknown>,
): Promise<true> {
  return until(`container ${node.container} runs`, secondsLeft(deadline), async () => {
    try {
      await work();
      return true as const;
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      await requireRunning(node);
      return waiting(error.lastWords);
    }
  });
}

const secondsLeft = (deadline: number): number =>
  Math.max(1, Math.ceil((deadline - Date.now()) / 1000));

async function requireRunning(node: AnsweringNode): Promise<void> {
  for (const container of containersOf(node)) {
    const state = await containerState(node.endpoint, container);
    if (!state) throw new StepError(goneProblem(`container ${container}`));
    // While it runs its last exit code cannot be seen: soon it does not, or it answers after all.
    if (state.restarts >= RESTARTS && state.status !== "running") {
      throw new StepError(
        `container ${container} died ${state.restarts} times (${lastEnd(state)}); mend what its last lines name and run pulumi up again`,
      );
    }
    // Docker starts again what ends by itself, and says "restarting" meanwhile.
    if (!state.running && state.status !== "restarting") {
      throw new StepError(
        `container ${container} is ${state.status} (${lastEnd(state)}) and not started again; mend what its last lines name and run pulumi up --refresh`,
      );
    }
  }
}

/** How a container ended, with the way out where its exit code alone tells it. */
function lastEnd({ exitCode, error, outOfMemory }: ContainerState): string {
  const code = `exit code ${exitCode}`;
  if (error) return `${code}: ${error.slice(0, 300)}`;
  if (outOfMemory) return `${code}, out of memory: raise memoryMib, or ask for less`;
  if (exitCode === 0) return `${code}: a server must not end, nor run in the background`;
  return code;
}
