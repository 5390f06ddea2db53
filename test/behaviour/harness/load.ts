import { Agent } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import { ask, BrokenAnswer, CHAT, type Asked } from "./client.ts";

/** One request of a load. */
export interface Outcome {
  /** When it was made and when it ended, in milliseconds since the epoch. */
  from: number;
  to: number;
  /** undefined when no answer began. */
  status: number | undefined;
  /** Broke off, before or within the answer: what broke it. */
  broken?: string;
  /** Node that answered, where the balancer says so. */
  node: string;
  headerMs: number;
}

/** Whether the client got what it asked for. */
export const served = ({ status, broken }: Outcome) => status === 200 && broken === undefined;

export interface LoadOptions {
  clients: number;
  /** Ends after so long; each client finishes its last request. */
  seconds?: number;
  /** Ends after so many requests. */
  requests?: number;
  /** Milliseconds that a client waits after a failure. */
  pauseAfterFailureMs?: number;
  /** Milliseconds after which a client gives up. */
  patienceMs?: number;
  asked?: Asked;
  /** Clients begin one after the other within this time, not all at once. */
  spreadMs?: number;
}

/** A load under way. */
export interface Load {
  outcomes: Outcome[];
  /** Requests that have no end yet, by when they were made. */
  open: Set<number>;
  done: Promise<Outcome[]>;
  stop(): void;
}

/** Clients that each ask again as soon as they have their answer, over connections that they keep. */
export function load(url: string, options: LoadOptions): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: options.clients });
  const outcomes: Outcome[] = [];
  const open = new Set<number>();
  const end = options.seconds === undefined ? Infinity : Date.now() + options.seconds * 1000;
  let left = options.requests ?? Infinity;
  let stopped = false;
  const client = async (index: number) => {
    if (options.spreadMs) await pause((options.spreadMs * index) / options.clients);
    while (!stopped && Date.now() < end && left-- > 0) {
      const outcome = await once(url, { ...CHAT, ...options.asked, agent }, options, open);
      outcomes.push(outcome);
      if (!served(outcome) && options.pauseAfterFailureMs) await pause(options.pauseAfterFailureMs);
    }
  };
  const done = Promise.all(
    Array.from({ length: options.clients }, (_, index) => client(index)),
  ).then(() => {
    agent.destroy();
    return outcomes;
  });
  return { outcomes, open, done, stop: () => void (stopped = true) };
}

async function once(
  url: string,
  asked: Asked,
  { patienceMs }: LoadOptions,
  open: Set<number>,
): Promise<Outcome> {
  const from = Date.now() + Math.random() / 1000;
  open.add(from);
  const signal = patienceMs === undefined ? {} : { signal: AbortSignal.timeout(patienceMs) };
  try {
    const answer = await ask(url, { ...asked, ...signal });
    const node = String(answer.headers["x-mesh-node"] ?? "");
    return { from, to: Date.now(), status: answer.status, node, headerMs: answer.headerMs };
  } catch (error) {
    if (!(error instanceof BrokenAnswer)) throw error;
    return {
      from,
      to: Date.now(),
      status: error.status,
      broken: error.code,
      node: "",
      headerMs: NaN,
    };
  } finally {
    open.delete(from);
  }
}
