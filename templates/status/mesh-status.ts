/** What /status.json tells: made by templates/njs/pages/status.js, read by the status page and by the command. */
export type MeshStatus = RoutedStatus | PlainStatus;

/** Where nginx chooses by itself: it keeps to itself what it holds of nodes. */
interface PlainStatus {
  format: 1;
  routing: "plain";
}

/** The state of a whole mesh. Times are milliseconds since the epoch. */
export interface RoutedStatus {
  format: 1;
  routing: "models";
  now: number;
  config: ServedConfig;
  /** The worst first; none where all is well. */
  problems: Problem[];
  nodes: NodeStatus[];
  away: Away;
  models: ModelStatus[];
  /** Names of the pools beside the default one; absent where there are none. */
  pools?: string[];
  /** Until when the front's certificate is good; absent where clients come without TLS. */
  certificateEnd?: number;
  /** Absent until two samples of the counters were taken. */
  traffic?: RecentTraffic;
}

/** The config that nginx serves with. */
interface ServedConfig {
  hash: string;
  /** As this nginx knows it; 0 until it was looked at. */
  since: number;
  /** Whether it is the one that lies in the config volume. */
  current: boolean;
}

/** Something that is wrong. */
interface Problem {
  /** Of what: "node a". */
  of: string;
  text: string;
  /** Whether clients notice it. */
  grave: boolean;
}

/** Nodes that are declared and get no requests. */
interface Away {
  /** Declared so. */
  maintenance: string[];
  /** Expected to serve, and not in traffic: a change is under way, or they were not let in. */
  out: string[];
}

/** A node in traffic. */
export interface NodeStatus {
  name: string;
  kind: "ollama" | "service";
  /** The pool that it is in; absent for the default one. */
  pool?: string;
  /** See templates/njs/nodes/verdict.js; unknown until it was asked. */
  state: "ok" | "quiet" | "wedged" | "cpu" | "gone" | "unknown";
  since: number;
  /** Why it is gone; "" where it is not. */
  error: string;
  /** Of its Ollama. */
  version: string;
  backup: boolean;
  drain: boolean;
  inFlight: number;
  /** Requests that it answers at the same time; 0 where that is not known. */
  places: number;
  /** That a request takes where the node has nothing else to do. */
  expectedSeconds: number;
  /** Of a stream, over its loaded models; 0 where nothing was measured. */
  bytesPerSecond: number;
  /** By name. */
  models: NodeModel[];
}

/** A model of a node. */
interface NodeModel {
  name: string;
  loaded: boolean;
  /** Verdict on the node with it; of loaded ones, as is all that follows. */
  state?: string;
  /** That it takes in memory. */
  bytes?: number;
  /** Of these that lie in GPU memory. */
  gpuPercent?: number;
  /** Of a stream, where that was measured. */
  bytesPerSecond?: number;
}

/** A model with the nodes that have it. */
interface ModelStatus {
  name: string;
  /** Whose nodes these are; absent for the default pool. */
  pool?: string;
  /** Well, and with it in memory. */
  loaded: string[];
  /** Well, and to load it first. */
  disk: string[];
  notWell: string[];
}

/** Requests of the last minute, of the last hour, and of each minute of it. */
interface RecentTraffic {
  minute: Traffic;
  hour: Traffic;
  series: (Traffic & { at: number })[];
}

/** Requests that ended in a span of time. */
export interface Traffic {
  seconds: number;
  ended: number;
  /** Answered by a node with an error of its own, 500 or more. */
  failed: number;
  /** By the balancer, by status. */
  refused: Record<string, number>;
  /** Seconds to the first byte; absent where nothing was answered. */
  firstByte?: Percentiles;
  /** Seconds to the end. */
  duration?: Percentiles;
}

/** Seconds within which 50, 95 and 99 percent lie. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}
