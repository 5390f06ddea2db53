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
  /** Seconds that loading a model is held to take until one has been measured. */
  loadSeconds: number;
  /** How clients stay on a node; absent where they do not. */
  session?: RouterSession;
}

/** A node as the program knows it. */
export interface RoutedNode {
  name: string;
  /** ollama: asked for its lists of models. service: an OpenAI server, or one without lists. */
  kind: "ollama" | "service";
  /** Where it is asked: "http://10.0.0.2:11434", or "http://unix:/tmp/node-a.sock:" over its hop. */
  url: string;
  /** Requests that it answers at the same time. */
  places: number;
  /** Declared speed relative to the others; absent where it is measured. */
  weight?: number;
  /** Used while no other node can answer. */
  backup?: true;
  /** Takes requests of sessions that it has, no others. */
  drain?: true;
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
