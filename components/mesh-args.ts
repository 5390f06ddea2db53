import type * as pulumi from "@pulumi/pulumi";

/** How nginx chooses a node. Source: nginx documentation, ngx_http_upstream_module. */
export const Algorithm = {
  /** The node with the fewest requests in flight per weight. */
  LeastConn: "least_conn",
  /** In turn, by weight. */
  RoundRobin: "round_robin",
  /** By the client's address. Takes no backup nodes. */
  IpHash: "ip_hash",
  /** By hashKey: the same key goes to the same node. Takes no backup nodes. */
  Hash: "hash",
  /** A random node, by weight. Takes no backup nodes. */
  Random: "random",
  /** Of two random nodes, the one with fewer requests in flight. Takes no backup nodes. */
  RandomTwoLeastConn: "random_two_least_conn",
} as const;
/** One of the values of Algorithm. */
export type Algorithm = (typeof Algorithm)[keyof typeof Algorithm];

/** When a request is tried on another node. */
export const RetryProfile = {
  /** Made for models: whatever fails before the first byte is tried elsewhere, POST too. */
  Llm: "llm",
  /** A POST is never sent twice: only a node that cannot be connected to is passed over. */
  Strict: "strict",
} as const;
/** One of the values of RetryProfile. */
export type RetryProfile = (typeof RetryProfile)[keyof typeof RetryProfile];

/** What clients may ask for. */
export const RouteSet = {
  /** The inference and read routes of Ollama and of its OpenAI and Anthropic faces. */
  Ollama: "ollama",
  /** Every path, for meshes of other model servers. */
  All: "all",
  /** None but those declared in routes.paths. */
  None: "none",
} as const;
/** One of the values of RouteSet. */
export type RouteSet = (typeof RouteSet)[keyof typeof RouteSet];

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

/** Where clients reach the balancer. */
export interface ListenArgs {
  /** IP address on the balancer's host. Default 127.0.0.1: Ollama has no authentication, so being reachable from elsewhere is your decision. "0.0.0.0" is every address of the host. */
  address?: string;
  /** Port, 1-65535. Default 11434, Ollama's own, so that clients need no change. */
  port?: number;
}

/** Idle connections that nginx keeps open to the nodes. Source: nginx, upstream keepalive. */
export interface KeepaliveArgs {
  /** Idle connections kept per worker. Default 32. */
  connections?: number;
  /** Seconds after which an idle connection is closed. Default 60, below the idle limit of common NAT gateways. */
  timeoutSeconds?: number;
  /** Requests after which a connection is closed and another one made. Default 1000. */
  requests?: number;
}

/** Keeps a client on its node. Source: nginx, upstream sticky. */
export interface StickyArgs {
  /** Name of the cookie that nginx sets. Exclusive with header. */
  cookie?: string;
  /** Name of a request header, for instance "X-Session-ID": the same value goes to the same node. Exclusive with cookie. */
  header?: string;
  /** Seconds that the cookie lives, or that a header's value is remembered. Default 3600. */
  expiresSeconds?: number;
}

/** When and how often a request is tried on another node, while its answer has not begun. */
export interface RetryArgs {
  /** llm or strict. Default llm: a request that failed before its first byte is no loss to anybody. */
  profile?: RetryProfile;
  /** The conditions themselves, by nginx's words ("error", "timeout", "http_503", "non_idempotent", ...). Default the profile's. Source: nginx, proxy_next_upstream. */
  on?: string[];
  /** Nodes that one request may be tried on. Default 3. Source: nginx, proxy_next_upstream_tries. */
  tries?: number;
  /** Seconds after which no further node is tried. Default 15. Source: nginx, proxy_next_upstream_timeout. */
  timeoutSeconds?: number;
}

/** A path that clients may ask for. */
export interface RouteArgs {
  /** The path; with a "/" at its end everything below it. */
  path: string;
  /** HTTP methods. Default ["GET", "HEAD", "POST"]. */
  methods?: string[];
}

/** What clients may ask for. */
export interface RoutesArgs {
  /** ollama, all or none. Default ollama. */
  set?: RouteSet;
  /** Further paths. Default none. */
  paths?: RouteArgs[];
  /** Whether WebSocket and other upgrades pass. Default false: Ollama has none. */
  upgrade?: boolean;
}

/** A listener for the person who runs the mesh: every node under a path of its own, all routes. */
export interface ManagementArgs {
  /** IP address on the balancer's host; a private one. Default 127.0.0.1. */
  address?: string;
  /** Port, 1-65535. Required: without it there is no such listener. */
  port: number;
}

/** HTTPS for clients. */
export interface TlsArgs {
  /** Certificate chain in PEM, the server's first. Exclusive with certificateFile. */
  certificate?: pulumi.Input<string>;
  /** Its private key in PEM; kept secret in the state. Exclusive with keyFile. */
  key?: pulumi.Input<string>;
  /** Path of the certificate chain on the balancer's host, for certificates that something else renews. Exclusive with certificate; needs keyFile in the same folder. */
  certificateFile?: string;
  /** Path of the private key on the balancer's host; readable for user or group 101. Exclusive with key. */
  keyFile?: string;
  /** Port whose plain HTTP requests are redirected to HTTPS, 1-65535. Default none. */
  redirectPort?: number;
  /** Seconds for which browsers are told to use HTTPS only (Strict-Transport-Security). Default 0, not told: it cannot be taken back. */
  hstsSeconds?: number;
}

/** An API key. */
export interface ApiKeyArgs {
  /** Name that stands in the log; the key never does. */
  name: string;
  /** The key, at least 16 characters of letters, digits and "._~+/=-"; kept secret in the state. */
  key: pulumi.Input<string>;
}

/** How much one client may ask for. */
export interface LimitArgs {
  /** Requests per minute, by API key, else by address. Default no limit. Source: nginx, limit_req. */
  requestsPerMinute?: number;
  /** Requests above the rate that are let through at once. Default a fifth of requestsPerMinute. */
  burst?: number;
  /** Requests in flight at the same time, by API key, else by address. Default no limit. Source: nginx, limit_conn. */
  concurrent?: number;
}

/** Who may use the mesh. */
export interface AccessArgs {
  /** Keys, as "Authorization: Bearer KEY" or "x-api-key: KEY". Default none: whoever reaches the port may use it. */
  apiKeys?: ApiKeyArgs[];
  /** Networks, as CIDR or address, that may connect; all others may not. Default all. */
  allow?: string[];
  /** Networks that may not connect. Default none. */
  deny?: string[];
  /** Networks of proxies in front whose X-Forwarded-For tells the client's address. Default none: the header can be forged. */
  trustedProxies?: string[];
  /** Origins of browser pages that may use the mesh ("https://chat.example.org", "*"). Default none. */
  corsOrigins?: string[];
  /** How much one client may ask for. Default no limits. */
  limits?: LimitArgs;
}

/** The nginx in front of the nodes. */
export interface BalancerArgs {
  /** Docker engine that runs it, as for a node. Default unix:///var/run/docker.sock, this machine's. */
  host?: string;
  /** nginx image; needs nginx 1.30.6 or newer, curl and flock. Default the official image of that version. */
  image?: pulumi.Input<string>;
  /** Address and port for clients. Default 127.0.0.1:11434. */
  listen?: ListenArgs;
  /** HTTPS for clients. Default plain HTTP. */
  tls?: TlsArgs;
  /** Who may use the mesh. Default whoever reaches it. */
  access?: AccessArgs;
  /** What clients may ask for. Default Ollama's inference and read routes. */
  routes?: RoutesArgs;
  /** A listener for the person who runs the mesh. Default none. */
  management?: ManagementArgs;
  /** How a node is chosen. Default least_conn: the length of answers varies a hundredfold, so turns are not load. */
  algorithm?: Algorithm;
  /** What the hash algorithm goes by: "uri", "client", "header:NAME", "cookie:NAME" or "argument:NAME". Required with it, and only then. */
  hashKey?: string;
  /** Keeps clients on their node. Default off. */
  sticky?: StickyArgs;
  /** When a request is tried on another node. Default the llm profile, three tries in 15 seconds. */
  retry?: RetryArgs;
  /** Seconds to connect to a node before the next is tried. Default 2. Source: nginx, proxy_connect_timeout. */
  connectTimeoutSeconds?: number;
  /** Seconds without a byte from the node. Default 900: Ollama sends nothing while it loads a model, and a time-out aborts the load. Source: nginx, proxy_read_timeout. */
  readTimeoutSeconds?: number;
  /** Seconds without progress in sending the request to the node. Default 60. Source: nginx, proxy_send_timeout. */
  sendTimeoutSeconds?: number;
  /** Failed tries after which a node gets no requests for failTimeoutSeconds. Default 10: fewer, and one client with a prompt that crashes runners empties the pool. Source: nginx, server max_fails. */
  maxFails?: number;
  /** Seconds that a failed node is left out, then tried with one request. Default 2. Source: nginx, server fail_timeout. */
  failTimeoutSeconds?: number;
  /** Largest request body in MiB. Default 64: a chat with images in base64. Source: nginx, client_max_body_size. */
  maxBodyMiB?: number;
  /** Connections kept open to the nodes. Default 32 for 60 seconds. */
  keepalive?: KeepaliveArgs;
  /** Whether answers name the node that gave them (X-Mesh-Node). Default true. */
  nodeHeader?: boolean;
  /** DNS server by IP address for nodes whose address is a name: it is looked up again while nginx runs, and a name that is not known does not stop nginx. Default none: names are looked up once, when the config is loaded. */
  resolver?: string;
  /** Worker processes. Default 2, enough for any model fleet; "auto" would count the host's cores, not the container's. Source: nginx, worker_processes. */
  workers?: number;
  /** Network on the balancer's engine in which nodes of that engine get fixed addresses, as IPv4 CIDR of /16 to /24. Default a /20 inside 10.0.0.0/8 derived from the mesh's name. */
  subnet?: string;
}

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
