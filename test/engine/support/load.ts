// A load generator for an Ollama endpoint: every request, who answered it, and how it ended.
import { Agent, request } from "node:http";
import { request as requestTls } from "node:https";
import { setTimeout as pause } from "node:timers/promises";

import { until } from "../../../toolchain/until.mjs";

/** One request and its end. */
export interface Outcome {
  /** The node that answered, by the balancer's word; "" when none did. */
  node: string;
  status: number | undefined;
  /** Milliseconds on one clock. */
  began: number;
  /** When the first byte of the body came. */
  firstByte: number | undefined;
  ended: number;
  /** The streamed lines, or the whole answer. */
  body: string;
  failure?: Failure;
}

/** What a client saw go wrong. */
interface Failure {
  /** Whether it could still be sent again without having shown anything. */
  when: "before the first byte" | "in the stream";
  what: string;
}

/** What is asked. */
export interface Ask {
  url: string;
  model: string;
  /** Default true. */
  stream?: boolean;
  /** Tokens of the answer; default the model's own limit. */
  tokens?: number;
  /**
   * Default a connection for this request alone: Node keeps one for five seconds, which is when nginx closes it where it has
   * been reloaded meanwhile.
   */
  agent?: Agent;
  headers?: Record<string, string>;
  /** A silence as long as this is a failure. Default 60. */
  silenceSeconds?: number;
  /** An answer that is not complete after so long is a failure. Default none. */
  deadlineSeconds?: number;
  /** Called at the first byte of the body, with the node that sends it. */
  onFirstByte?: (node: string) => void;
}

/** One chat through the balancer. Never rejects: a failure is part of the outcome. */
export function chat(ask: Ask): Promise<Outcome> {
  const { silenceSeconds = 60, deadlineSeconds } = ask;
  const body = questionOf(ask);
  const outcome: Outcome = {
    node: "",
    status: undefined,
    began: performance.now(),
    firstByte: undefined,
    ended: 0,
    body: "",
  };
  return new Promise((resolve) => {
    let deadline: NodeJS.Timeout | undefined;
    const end = (what?: string) => {
      clearTimeout(deadline);
      outcome.ended ||= performance.now();
      if (what !== undefined && !outcome.failure) {
        // An error's text is no part of an answer: whoever gets it can still ask again.
        const seen = outcome.firstByte !== undefined && outcome.status === 200;
        outcome.failure = { when: seen ? "in the stream" : "before the first byte", what };
      }
      resolve(outcome);
    };
    const secure = ask.url.startsWith("https:");
    const sent = (secure ? requestTls : request)(
      `${ask.url}/api/chat`,
      {
        method: "POST",
        agent: ask.agent ?? false,
        // A test's certificate is nobody's.
        ...(secure ? { rejectUnauthorized: false } : {}),
        headers: {
          "Content-Type": "application/json",
          "Content-Length": Buffer.byteLength(body),
          ...ask.headers,
        },
      },
      (response) => {
        outcome.status = response.statusCode;
        outcome.node = String(response.headers["x-mesh-node"] ?? "");
        response.setEncoding("utf8").on("data", (chunk: string) => {
          if (outcome.firstByte === undefined) {
            outcome.firstByte = performance.now();
            ask.onFirstByte?.(outcome.node);
          }
          outcome.body += chunk;
        });
        response.on("error", (error) => end(error.message));
        response.on("end", () => end(complaint(outcome)));
      },
    );
    sent.setTimeout(silenceSeconds * 1000, () =>
      sent.destroy(new Error(`silent for ${silenceSeconds} s`)),
    );
    sent.on("error", (error) => end(error.message));
    if (deadlineSeconds !== undefined) {
      const late = new Error(`not complete within ${deadlineSeconds} s`);
      deadline = setTimeout(() => sent.destroy(late), deadlineSeconds * 1000);
    }
    sent.end(body);
  });
}

/** The body of a chat. */
export const questionOf = ({ model, stream = true, tokens }: Ask): string =>
  JSON.stringify({
    model,
    stream,
    messages: [{ role: "user", content: "the quick brown fox" }],
    ...(tokens ? { options: { num_predict: tokens } } : {}),
  });

/** What is wrong with an answer that came to its end. */
export function complaint({ status, body }: Outcome): string | undefined {
  if (status !== 200) return `status ${status} ${body.slice(0, 200)}`.trim();
  const last = body.trimEnd().split("\n").at(-1) ?? "";
  return /"done":true/.test(last) ? undefined : `ended without "done": ${last.slice(0, 200)}`;
}

/** Many requests, a fixed number at a time. */
export interface Load extends Omit<Ask, "agent" | "onFirstByte"> {
  atATime: number;
  /** How many in all; without it until `stop` is called. */
  total?: number;
  /** At most so many begin in a second. Default as many as the mesh answers. */
  perSecond?: number;
}

/** Load that is under way. */
export interface RunningLoad {
  /** No new requests; those in flight finish. */
  stop(): void;
  /** All outcomes, in the order of their ends. */
  done: Promise<Outcome[]>;
  /** Those so far. */
  soFar: readonly Outcome[];
  /** Waits until so many more have ended; default within 60 s. */
  more(count: number, seconds?: number): Promise<unknown>;
}

/** Starts clients that each ask again as soon as they have their answer, on connections that they keep. */
export function startLoad(wanted: Load): RunningLoad {
  const { atATime, total = Infinity, perSecond = Infinity, ...ask } = wanted;
  const agent = new Agent({ keepAlive: true, maxSockets: atATime });
  const outcomes: Outcome[] = [];
  let left = total;
  let next = performance.now();
  const turn = async () => {
    const wait = next - performance.now();
    next += Math.max(0, -wait) + 1000 / perSecond;
    if (wait > 0) await pause(wait);
  };
  const client = async () => {
    while (left > 0) {
      left--;
      await turn();
      outcomes.push(await chat({ ...ask, agent }));
    }
  };
  const clients = Promise.all(Array.from({ length: atATime }, client));
  const done = clients.then(() => {
    agent.destroy();
    return outcomes;
  });
  const more = (count: number, seconds = 60) => {
    const target = outcomes.length + count;
    return until(`${count} more answers`, async () => outcomes.length >= target, { seconds });
  };
  return { stop: () => void (left = 0), done, soFar: outcomes, more };
}

/** Sends a number of requests and gives all outcomes. */
export const load = (wanted: Load & { total: number }): Promise<Outcome[]> =>
  startLoad(wanted).done;

/** How many were answered by each node. */
export function served(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { node } of outcomes) counts[node] = (counts[node] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The failures, in words. */
export const failures = (outcomes: readonly Outcome[]): string[] =>
  outcomes.flatMap(({ failure, node }) =>
    failure ? [`${failure.when}, node "${node}": ${failure.what}`] : [],
  );

/**
 * Requests in flight on each node, averaged over the time in which all clients were busy. From sending
 * to the end: what waits in a node's queue is in flight there, too. (A client sees an end later than
 * the balancer does; the longer the answers, the less that matters.)
 */
export function inFlight(outcomes: readonly Outcome[], atATime: number): Record<string, number> {
  const begins = outcomes.map(({ began }) => began).sort((a, b) => a - b);
  const from = begins[atATime - 1]!;
  const to = begins.at(-1)!;
  const sums: Record<string, number> = {};
  for (const { node, began, ended } of outcomes) {
    const within = Math.max(0, Math.min(ended, to) - Math.max(began, from));
    sums[node] = (sums[node] ?? 0) + within / (to - from);
  }
  return Object.fromEntries(Object.entries(sums).sort(([a], [b]) => (a < b ? -1 : 1)));
}
