import type * as pulumi from "@pulumi/pulumi";

/** Who makes the GPUs of a node. */
export const GpuVendor = {
  /** Through the NVIDIA container toolkit. */
  Nvidia: "nvidia",
  /** Through /dev/kfd and /dev/dri, with the ROCm image. */
  Amd: "amd",
  /** Any that speaks Vulkan, such as Intel's, through /dev/dri. */
  Vulkan: "vulkan",
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

/** Which API a server that you run speaks. */
export const NodeApi = {
  /** Ollama's, and so OpenAI's too; another mesh does. */
  Ollama: "ollama",
  /** OpenAI's alone: it is asked for /v1/models, as what is known of it. */
  OpenAi: "openai",
} as const;
/** One of the values of NodeApi. */
export type NodeApi = (typeof NodeApi)[keyof typeof NodeApi];

/** Whose shared memory a service sees. */
export const ServiceIpc = {
  /** That of the host. */
  Host: "host",
  /** Its own. */
  Private: "private",
} as const;
/** One of the values of ServiceIpc. */
export type ServiceIpc = (typeof ServiceIpc)[keyof typeof ServiceIpc];

/** The GPUs that a node's container gets. */
export interface GpuArgs {
  /** nvidia, amd, vulkan or none. Default none: Docker refuses to start a container that asks for a GPU runtime the host lacks. */
  vendor?: GpuVendor;
  /**
   * Which devices, one per entry: indexes ("0"), UUIDs ("GPU-...", not of vulkan), MIG ids (nvidia), CDI names
   * ("nvidia.com/gpu=0"), or paths ("/dev/dri/renderD129", not of nvidia). Default all devices of the vendor.
   */
  devices?: string[];
  /** amd and vulkan only: groups that own the host's /dev/kfd and /dev/dri, by their numbers there or by names that the image knows. Default ["video"]. */
  groups?: string[];
  /** nvidia only: container runtime that gives the GPUs where a device request does not, as "nvidia" on a Jetson. Default none. Source: Docker, docker run --runtime. */
  runtime?: string;
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
  /** Certificates in PEM that downloads of models trust besides the public ones, as a company's proxy needs. Default none. */
  caCertificate?: pulumi.Input<string>;
  /** Further environment variables of the container, by name; HTTP_PROXY, HTTPS_PROXY and NO_PROXY hold for downloads of models, too. Default none. Secret values stay secret in the state, but anyone who may use the host's Docker engine can read them there. */
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

/** A request that proves that a service answers, and not only its health path. */
export interface ProbeArgs {
  /** Path that is asked, for instance "/v1/completions". */
  path: string;
  /** Body, sent by POST as JSON. Default none, a GET. */
  body?: string;
  /** Text that the answer must hold. Default any answer will do that is no error. */
  expect?: string;
}

/** A server that is not Ollama, in a container that the mesh runs: any image that serves HTTP on a port. */
export interface ServiceArgs {
  /** Port that it listens on inside its container, 1-65535. */
  port: number;
  /** Path, with a query where it has one, that must answer 200 before it gets traffic. Default "/health". It should say so only when the model is loaded. */
  healthPath?: string;
  /** Who it runs as: user or user:group, by name or number. Default the image's own. Root of a container has no right to what others own: a mounted folder of a person is read and written as that person. Source: Docker, docker run --user. */
  user?: string;
  /** Shared memory (/dev/shm) in MiB. Default the engine's own, 64 if nobody changed it. Tensor parallel vLLM and SGLang need GiBs. Source: Docker, docker run --shm-size. */
  sharedMemoryMib?: number;
  /** Whose memory it shares: host or private. Default the engine's own, which is private if nobody changed it. host gives it all shared memory of the host, and to other processes there what is in it. Source: Docker, docker run --ipc. */
  ipc?: ServiceIpc;
  /** Words given to the image's entrypoint. Default the image's own. Anyone who may use the host's Docker engine can read them: secrets belong into environment. */
  command?: string[];
  /** Environment variables by name. Default none. Secret values stay secret in the state, as those of ollama.environment. */
  environment?: Record<string, pulumi.Input<string>>;
  /** Folders of the host, and volumes. Default none. */
  mounts?: MountArgs[];
  /** Whether its container's own files may be written. Default false: only /tmp and mounts are. */
  writable?: boolean;
  /** Request that must be answered before it gets traffic, and again when it is silent. Default none: its health path is believed. */
  probe?: ProbeArgs;
}

/** One server behind the balancer: an Ollama container that the mesh runs, or (managed: false) an address that you run. */
export interface NodeArgs {
  /** Unique name: lower-case letters, digits and "-", up to 40 characters. Part of container and resource names, so a change replaces the node. */
  name: string;
  /** Docker engine that runs the node: unix:///path, ssh://user@host:port or tcp://host:port; an IPv6 address in brackets, behind ssh also with the path of its socket (ssh://user@host/run/user/1000/docker.sock). Default unix:///var/run/docker.sock, this machine's. */
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
  /** Pool that it is in, by its name in balancer.pools. Default the default pool, for requests with no pool's path or host name. */
  pool?: string;
  /** Requests that it answers at the same time, 1-10000: for the balancer, which counts what each has in flight. Default ollama.numParallel; of a service or a node with managed: false not known, and taken for 1 when nodes are compared. Of a node that two balancers serve at the same time, declare half of them: each reckons with all. */
  places?: number;
  /** Speed relative to the other nodes, 1-1000. Default measured, by the bytes of its streams; 1 with routing plain. Source: nginx, server weight. */
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
   * none on that of the only balancer. Default false.
   */
  offline?: boolean;
  /** Requests in flight at which nginx sends no more to the node; 0 for no limit. Default 0. Source: nginx, server max_conns. */
  maxConnections?: number;
  /** false: an HTTP server that you already run; it is balanced, never touched. Default true. */
  managed?: boolean;
  /** HTTPS to a node with managed: false; {} for one with a certificate that browsers would accept. Default plain HTTP. */
  tls?: NodeTlsArgs;
  /** API that a node with managed: false speaks: ollama or openai. Default by balancer.routes.set: ollama where that is ollama, else openai. */
  api?: NodeApi;
  /** Key that the balancer sends to it, and to no other node, as "Authorization: Bearer KEY", in place of whatever its client sent; kept secret in the state. Of a node with managed: false, or a service: Ollama itself asks for none. Default none. */
  apiKey?: pulumi.Input<string>;
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
  /** Folder of its host for the models, instead of the mesh's volume: absolute, and made where it is missing. That of an Ollama which the host has already will do, as "/usr/share/ollama/.ollama/models", whoever owns it. All Ollama nodes of a host together. Default the volume `<mesh>-models`. */
  modelsPath?: string;
  /** Memory limit of the container in MiB; swap is not given on top. Default no limit: what does not fit the GPUs goes to the host's memory. */
  memoryMib?: number;
  /** CPU limit of the container, in cores, fractions allowed: 0.01 to as many as its host has. Default no limit. */
  cpus?: number;
}
