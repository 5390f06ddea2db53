import type { KeyLimits } from "../router-data.ts";

/** What a key has used of a model on one day, UTC. */
export interface Used {
  /** Name of the API key. */
  key: string;
  /** "" for requests that named none that a node has. */
  model: string;
  /** Requests that went to a node. */
  requests: number;
  promptTokens: number;
  answerTokens: number;
  /** Of the requests, those whose tokens were estimated. */
  estimated: number;
}

/** What a balancer says of its keys, at /usage.json. */
export interface MeshUsage {
  format: 1;
  /** Milliseconds since the epoch. */
  now: number;
  /** What each key has used today, and may use. */
  today: ({ key: string; requests: number; tokens: number } & KeyLimits)[];
  /** What was used, by day as "2026-11-26". */
  days: Record<string, Used[]>;
}
