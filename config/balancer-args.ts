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
  /** Address or name by which clients reach it: it stands in the output endpoint and is used for nothing else. Default listen.address; where that is every address, the host of host, of ssh:// its HostName by your ssh config. */
  address?: string;
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
  /** Network on the balancer's engine in which nodes of that engine get fixed addresses, as IPv4 CIDR of /16 to /24. Must overlap neither a LAN nor another Docker network of its host. Default a /20 inside 10.0.0.0/8 derived from the mesh's name. */
  subnet?: string;
}
