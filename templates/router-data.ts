/**
 * What the program in the balancer (templates/njs) is told of the mesh: plain values, rendered as JSON beside
 * nginx.conf, so that a change of them is a change of the config.
 */
export interface RouterData {
  /** Every node in traffic, in the order of their names. */
  nodes: RoutedNode[];
  /**
   * earliest: the node where the request is expected to end first. own: nginx's method chooses (hash, random, ...)
   * as long as every node that it could choose can answer.
   */
  choice: "earliest" | "own";
  /** Whether nodes are judged by their tokens; else by their lists alone. */
  judged: boolean;
  /** Seconds that a request may be expected to wait in a node's queue; a longer wait is refused at once. */
  longestWaitSeconds: number;
  /** Requests that may wait at a node for each place it has, whatever the expected wait. */
  waitingPerPlace: number;
  /** Requests that may be in flight at all nodes together: what nginx has memory for. */
  requestsMost: number;
  /** Seconds that loading a model is held to take where the list does not tell its size. */
  loadSeconds: number;
  /** Names of the pools beside the default one; absent where all nodes are one group. */
  pools?: string[];
  /** How clients stay on a node; absent where they do not. */
  session?: RouterSession;
  /** What API keys may do, by their names; absent where none are declared. */
  keys?: Readonly<Record<string, KeyLimits>>;
  /** Whether tokens of all of them are counted; absent for those with tokensPerDay alone. */
  countTokens?: true;
}

/** What a key may do; absent for no limit. */
export interface KeyLimits {
  /** Names with their tags. */
  models?: readonly string[];
  /** Tokens of prompts and answers, and requests, of a day in UTC. */
  tokensPerDay?: number;
  requestsPerDay?: number;
  /** Last day in UTC, as "2027-03-31". */
  expires?: string;
}

/** What the stack says of all nodes together. */
export type RouterSettings = Omit<RouterData, "nodes">;

/** The program that runs in nginx, and what it is told. Lies in the volumes of running balancers. */
export interface Router {
  /** Hash of the program, whose files lie in the volume. */
  program: string;
  settings: RouterSettings;
}

/** A node as the program knows it. */
export interface RoutedNode {
  name: string;
  /** ollama: asked for its lists of models. service: an OpenAI server, or one without lists. */
  kind: "ollama" | "service";
  /** Where it is asked: "http://10.0.0.2:11434", or "http://unix:/tmp/node-a.sock:" over its hop. */
  url: string;
  /** Requests that it answers at the same time; absent where that is not known: nothing is refused for a queue there. */
  places?: number;
  /** Declared speed relative to the others; absent where it is measured. */
  weight?: number;
  /** The pool that it is in; absent for the default one. */
  pool?: string;
  /** Used while no other node can answer. */
  backup?: true;
  /** Takes requests of sessions that it has, no others. */
  drain?: true;
  /** Asked with a key of the mesh's own: where that is not taken, nothing will be answered. */
  keyed?: true;
  /** Of a service: the path that says whether it is well. */
  healthPath?: string;
  /** Of a service: the request that proves inference. */
  probe?: RouterProbe;
  /** Percent of each loaded model that must lie in GPU memory; absent where no GPU is declared. */
  gpuMinimumPercent?: number;
}

/** A request that proves that a service answers. */
interface RouterProbe {
  path: string;
  /** Sent as JSON; absent for a GET. */
  body?: string;
  /** What must occur in the answer. */
  expect?: string;
}

/** How clients stay on a node. */
export interface RouterSession {
  /** Cookie that names the node; nginx sets it. */
  cookie?: string;
  /** Header whose value is remembered with the node that answered. */
  header?: string;
  /** Bytes of the messages' begin that stand for the session of a client without header; 0 for none. */
  prefixBytes: number;
  /** Seconds that a session is remembered after its last request. */
  seconds: number;
  /** How many times its fair share of the load a node may have and still get a session's request. */
  bound: number;
}
