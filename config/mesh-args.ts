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
  minimumFreeGib?: number;
}

/** Prometheus and Grafana beside each balancer. */
export interface MonitoringArgs {
  /** IP address on the balancer's host where Prometheus and Grafana listen. Default 127.0.0.1: Prometheus knows no keys, and Grafana no TLS. */
  address?: string;
  /** Port of Prometheus, 1-65535. Default 9090, its own. */
  prometheusPort?: number;
  /** Image of Prometheus. Default the official image of one pinned version. */
  prometheusImage?: string;
  /** Most that Prometheus keeps on disk, in GiB; what is oldest goes first. Default 10: a year of a mesh of ten nodes. Source: Prometheus, storage.tsdb.retention.size. */
  retentionGib?: number;
  /** Days that Prometheus keeps. Default 365. Source: Prometheus, storage.tsdb.retention.time. */
  retentionDays?: number;
  /** Whether there is a Grafana. Default true. */
  grafana?: boolean;
  /** Port of Grafana, 1-65535. Default 3000, its own. */
  grafanaPort?: number;
  /** Image of Grafana. Default the official image of one pinned version. */
  grafanaImage?: string;
  /** URL that is told of alerts that begin and end, in Alertmanager's JSON; kept secret in the state. Default none, and no Alertmanager. Source: Prometheus Alertmanager, webhook_config. */
  webhook?: pulumi.Input<string>;
  /** Image of Alertmanager, which a webhook needs. Default the official image of one pinned version. */
  alertmanagerImage?: string;
}

/** Arguments of OllamaMesh. */
export interface OllamaMeshArgs {
  /** The servers behind the balancer, 1-500. */
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
  /** Prometheus and Grafana beside each balancer, with dashboard and alerts; {} is enough. Default none. Needs routing models. */
  monitoring?: MonitoringArgs;
}

/** Where a mesh's monitoring is looked at, on the first balancer's host. */
export interface MonitoringStatus {
  /** URL of Prometheus. */
  prometheusUrl: string;
  /** URL of Grafana; absent where there is none. */
  grafanaUrl?: string;
  /** With which "admin" logs in to Grafana for the first time; kept secret in the state. Absent where there is none. */
  grafanaPassword?: string;
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
