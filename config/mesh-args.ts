import type * as pulumi from "@pulumi/pulumi";
import type { BalancerArgs } from "./balancer-args.ts";
import type { NodeAccess, NodeArgs, OllamaSettings } from "./node-args.ts";

/** How changes are rolled out. */
export interface RolloutArgs {
  /** Nodes that may be out of traffic at the same time because of a change. Default 1. */
  maxUnavailable?: number;
  /** Seconds that requests in flight get to finish before a node is stopped. Ends early when there are none. Default 600. */
  drainTimeoutSeconds?: number;
  /** Seconds that a new node gets to answer with a first token. Default 600. */
  readyTimeoutSeconds?: number;
  /** Ask each new node for one token of its first model before it gets traffic, which also loads the model. Default true. */
  warmUp?: boolean;
  /** Space in GiB that must be left for the models on a host before any is downloaded. Default 2. */
  minimumFreeGiB?: number;
}

/** Arguments of OllamaMesh. */
export interface OllamaMeshArgs {
  /** The servers behind the balancer. At least one. */
  nodes: NodeArgs[];
  /** Models that every managed node must have before it gets traffic, by Ollama's names ("llama3.2:3b"). Default none. */
  models?: string[];
  /** Ollama image of all nodes. Default the official image of one pinned version, its ROCm variant for nodes with AMD GPUs. */
  image?: pulumi.Input<string>;
  /** Ollama settings of all nodes. Default none but those named at OllamaSettings. */
  ollama?: OllamaSettings;
  /** Who may connect to the nodes on other engines than the balancer's: open or balancerOnly. Default open. */
  access?: NodeAccess;
  /** The load balancer. */
  balancer?: BalancerArgs;
  /** How changes are rolled out. */
  rollout?: RolloutArgs;
}

/** What the mesh says about one node. */
export interface NodeStatus {
  /** The node's name. */
  name: string;
  /** Address and port at which the balancer reaches it. */
  address: string;
  /** active, backup, maintenance or offline. */
  state: string;
}
