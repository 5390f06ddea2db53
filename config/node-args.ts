import type * as pulumi from "@pulumi/pulumi";

/** Who makes the GPUs of a node. */
export const GpuVendor = {
  /** Through the NVIDIA container toolkit. */
  Nvidia: "nvidia",
  /** Through /dev/kfd and /dev/dri, with the ROCm image. */
  Amd: "amd",
  /** CPU only. */
  None: "none",
} as const;
/** One of the values of GpuVendor. */
export type GpuVendor = (typeof GpuVendor)[keyof typeof GpuVendor];

/** Who may connect to a node on another engine than the balancer's. Ollama itself asks nobody who he is. */
export const NodeAccess = {
  /** Every machine that reaches the port. */
  Open: "open",
  /** The balancer alone: it shows a certificate that only it has. */
  BalancerOnly: "balancerOnly",
} as const;
/** One of the values of NodeAccess. */
export type NodeAccess = (typeof NodeAccess)[keyof typeof NodeAccess];

/** The GPUs that a node's container gets. */
export interface GpuArgs {
  /** nvidia, amd or none. Default none: Docker refuses to start a container that asks for a GPU runtime the host lacks. */
  vendor?: GpuVendor;
  /**
   * Which devices: indexes ("0"), UUIDs ("GPU-..."), MIG ids, or CDI names ("nvidia.com/gpu=0").
   * Default all devices of the vendor.
   */
  devices?: string[];
  /** amd only: groups, by name or number, that own the host's /dev/kfd and /dev/dri. Default ["video"]. */
  groups?: string[];
  /** Percent of the first model that must lie in GPU memory after the warm-up, or the node gets no traffic; 0 asks for nothing. Default 1: Ollama that finds no GPU runs on the CPU without a word. 100 also refuses a model that is larger than the GPU. */
  minimumPercent?: number;
}

/** Settings of the Ollama server. Each is the environment variable OLLAMA_* of the same name; source: Ollama's envconfig. */
export interface OllamaSettings {
  /** How long a model stays loaded after its last request: a duration ("5m", "24h"), "-1" for ever, "0" unloads at once. Default "24h": a shared endpoint should not pay a model load every five minutes. */
  keepAlive?: string;
  /** Requests that a loaded model answers at the same time. Default 2. */
  numParallel?: number;
  /** Tokens of context for each request. Default Ollama's own choice by GPU memory. */
  contextLength?: number;
  /** Models loaded at the same time. Default Ollama's own choice by GPU memory. */
  maxLoadedModels?: number;
  /** Requests that wait for a model to load before Ollama answers 503. Default Ollama's own, 512. */
  maxQueue?: number;
  /** How long a model load may make no progress, as a duration. Default Ollama's own, "5m". */
  loadTimeout?: string;
  /** Flash attention on or off. Default Ollama's own choice by model. */
  flashAttention?: boolean;
  /** Type of the key/value cache: f16, q8_0 or q4_0. Default Ollama's own, f16. */
  kvCacheType?: string;
  /** Spread a model over all GPUs of the node. Default false. */
  schedSpread?: boolean;
  /** Verbose log. Default false. */
  debug?: boolean;
  /** Further environment variables of the container, by name. Default none. Secret values stay secret in the state, but anyone who may use the host's Docker engine can read them there. */
  environment?: Record<string, pulumi.Input<string>>;
}

/** HTTPS to a node that you run. Its certificate is always verified: the chain, the dates and the name. */
export interface NodeTlsArgs {
  /** Name that the certificate must be for; it also goes out as SNI and as the Host header. Default the node's address; required where that is an IP address, which nginx can't verify. */
  serverName?: string;
  /** Certificates in PEM that the node's must lead to: your own authority's, or the node's own where nobody has signed it. Default the public authorities that the nginx image knows. */
  caCertificate?: pulumi.Input<string>;
}

/** A folder that a service finds inside its container. Source: Docker, docker run --volume. */
export interface MountArgs {
  /** Absolute path of a folder or file of the host, or the name of a Docker volume: Docker makes one that is missing, and nothing of the mesh removes it. */
  source: string;
  /** Absolute path inside the container. */
  path: string;
  /** Whether the service may not write to it. Default false. */
  readOnly?: boolean;
}

/** A server that is not Ollama, in a container that the mesh runs: any image that serves HTTP on a port. */
export interface ServiceArgs {
  /** Port that it listens on inside its container, 1-65535. */
  port: number;
  /** Path that must answer 200 before it gets traffic. Default "/health". It should say so only when the model is loaded. */
  healthPath?: string;
  /** Words given to the image's entrypoint. Default the image's own. Anyone who may use the host's Docker engine can read them: secrets belong into environment. */
  command?: string[];
  /** Environment variables by name. Default none. Secret values stay secret in the state, as those of ollama.environment. */
  environment?: Record<string, pulumi.Input<string>>;
  /** Folders of the host, and volumes. Default none. */
  mounts?: MountArgs[];
  /** Whether its container's own files may be written. Default false: only /tmp and mounts are. */
  writable?: boolean;
}

/** One server behind the balancer: an Ollama container that the mesh runs, or (managed: false) an address that you run. */
export interface NodeArgs {
  /** Unique name: lower-case letters, digits and "-", up to 40 characters. Part of container and resource names, so a change replaces the node. */
  name: string;
  /** Docker engine that runs the node: unix:///path, ssh://user@host:port or tcp://host:port. Default unix:///var/run/docker.sock, this machine's. */
  host?: string;
  /**
   * Address at which the balancer reaches the node. Default: on the balancer's own engine a fixed address
   * in the mesh network, nothing published; elsewhere the name or address in `host`. Required when managed is false.
   */
  address?: pulumi.Input<string>;
  /** Port at which the balancer reaches the node, and on other engines the port published there. 1-65535. Default 11434; with tls 443, of a service its own port. */
  port?: number;
  /**
   * Who may connect to a node that is published on its host: open or balancerOnly, for which a small nginx
   * beside it demands the balancer's certificate. Default the mesh's access.
   */
  access?: NodeAccess;
  /** Share of requests relative to the other nodes, 1-1000. Default 1. Source: nginx, server weight. */
  weight?: number;
  /** Gets requests only when no other node can. Default false. Source: nginx, server backup. */
  backup?: boolean;
  /** Takes the node out of traffic; requests in flight finish. Default false. Source: nginx, server down. */
  maintenance?: boolean;
  /** Gives the node no new clients: it gets requests only from those that balancer.sticky keeps on it. Default false. Source: nginx, server drain. */
  drain?: boolean;
  /**
   * Its host is switched off: the node is out of traffic, and nothing on the host is contacted or changed until this
   * is taken away again; a node removed meanwhile is forgotten, its container left behind. All nodes of a host together,
   * none on the balancer's own. Default false.
   */
  offline?: boolean;
  /** Requests in flight at which nginx sends no more to the node; 0 for no limit. Default 0. Source: nginx, server max_conns. */
  maxConnections?: number;
  /** false: an HTTP server that you already run; it is balanced, never touched. Default true. */
  managed?: boolean;
  /** HTTPS to a node with managed: false; {} for one with a certificate that browsers would accept. Default plain HTTP. */
  tls?: NodeTlsArgs;
  /** Runs a server that is not Ollama. Default none: the node is Ollama. Needs image. */
  service?: ServiceArgs;
  /** GPUs of the container. Default none. */
  gpus?: GpuArgs;
  /** Image of the container. Default the mesh's image; a service has none. */
  image?: pulumi.Input<string>;
  /** Ollama settings of this node, over those of the mesh, one by one. Default none. */
  ollama?: OllamaSettings;
  /** Models this node must have before it gets traffic, instead of the mesh's list. Default the mesh's list. */
  models?: string[];
  /** Memory limit of the container in MiB; swap is not given on top. Default no limit: what does not fit the GPUs goes to the host's memory. */
  memoryMiB?: number;
  /** CPU limit of the container, in cores, fractions allowed. Default no limit. */
  cpus?: number;
}
