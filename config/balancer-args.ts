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

/** What the balancer goes by when it chooses a node. */
export const Routing = {
  /** What it knows of them: which have the model, how fast they are, what each has in flight. Needs nginx's njs module 1.0.1 or newer. */
  Models: "models",
  /** The algorithm and the weights alone. */
  Plain: "plain",
} as const;
/** One of the values of Routing. */
export type Routing = (typeof Routing)[keyof typeof Routing];

/** What is done about a node whose lists answer and whose tokens do not come. */
export const Health = {
  /** It is asked last, and restarts by itself once it finds the same. */
  Restart: "restart",
  /** It is asked last until a token comes. */
  Verdict: "verdict",
  /** Nodes are judged by their lists alone. */
  Off: "off",
} as const;
/** One of the values of Health. */
export type Health = (typeof Health)[keyof typeof Health];

/** What stands for a client in the log. */
export const LogClients = {
  /** Its address. */
  Address: "address",
  /** The network that it is in: the first three numbers of an IPv4 address, the first three groups of an IPv6 one. */
  Network: "network",
  /** Nothing. */
  None: "none",
} as const;
/** One of the values of LogClients. */
export type LogClients = (typeof LogClients)[keyof typeof LogClients];

/** The balancer's log: a line for each request. */
export interface LogArgs {
  /** Docker's log driver of the balancer's containers. Another one makes them anew. Default json-file with three files of 10 MB. Source: Docker, configure logging drivers. */
  driver?: string;
  /** Options of the driver, by its names. Default none, of json-file those above. */
  options?: Record<string, pulumi.Input<string>>;
  /** Percent of the requests that went well whose lines are written, 1-100; all others are. Default 100. Source: nginx, split_clients. */
  samplePercent?: number;
  /** What stands for a client: address, network or none. nginx's own error lines, which are few, have the address in any case. Default address. */
  clients?: LogClients;
}

/** Traces of requests, by nginx's module for OpenTelemetry, which nginx's images have whose tag ends with "-otel". */
export interface TracingArgs {
  /** Where spans go: a collector that takes OTLP over gRPC, as "collector:4317", or "https://traces.example.org:4317" with a certificate that the image's authorities have signed. Required: without it nothing is traced. Source: nginx, otel_exporter. */
  endpoint: string;
  /** Percent of the requests that are traced where the client's traceparent does not say whether its trace is, 1-100. Default 100, as OpenTelemetry's own sampler. */
  samplePercent?: number;
  /** Name of the service in traces. Default the balancer's container, as "ollama-mesh-home-balancer". Source: nginx, otel_service_name. */
  serviceName?: string;
}

/** How long requests may wait at busy nodes. */
export interface QueueArgs {
  /** Seconds that a request may be expected to wait at the node where it would end first; a longer wait is refused at once, with 503 and the expected seconds as Retry-After. Default 60. */
  longestWaitSeconds?: number;
}

/** Where clients reach the balancer. */
export interface ListenArgs {
  /** IP address on the balancer's host. Default 127.0.0.1: Ollama has no authentication, so being reachable from elsewhere is your decision. "0.0.0.0" is every address of the host. */
  address?: string;
  /** Several of them: 127.0.0.1 and Docker's bridge, IPv4 and IPv6. The first one stands in the output endpoint. Exclusive with address. */
  addresses?: string[];
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

/** Keeps a client on its node, where the prompts that it has sent are still warm. Source: nginx, upstream sticky. */
export interface StickyArgs {
  /** Name of the cookie that nginx sets. Exclusive with header. */
  cookie?: string;
  /** Name of a request header, for instance "X-Session-ID": the same value goes to the same node. Exclusive with cookie. */
  header?: string;
  /** Bytes of the beginning of a request's messages that stand for the client where it sends no such header, 64-4096: the same system prompt goes to the same node. Default 0, none. Needs routing models. */
  promptBytes?: number;
  /** Seconds that the cookie lives, or that a header's value is remembered. Default 3600. */
  expiresSeconds?: number;
}

/** When and how often a request is tried on another node, while its answer has not begun. */
export interface RetryArgs {
  /** llm or strict. Default llm: a request that failed before its first byte is no loss to anybody. */
  profile?: RetryProfile;
  /** The conditions themselves, by nginx's words ("error", "timeout", "http_503", "non_idempotent", ...). Default the profile's. Source: nginx, proxy_next_upstream. */
  on?: string[];
  /** Nodes that one request may be tried on. Default 3; with routing plain and nodes of different models as many as it takes to get to one that has the model. Source: nginx, proxy_next_upstream_tries. */
  tries?: number;
  /** Seconds after which no further node is tried. Default 120, so that what is stuck in a node that restarts is served elsewhere; 15 with routing plain, or what its tries need. Source: nginx, proxy_next_upstream_timeout. */
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
  /** Whether WebSockets pass; no other upgrade does. Default false: Ollama has none. */
  upgrade?: boolean;
}

/** A group of nodes that clients ask for by a path or by a host name. */
export interface PoolArgs {
  /** Unique name: lower-case letters, digits and "-", up to 40 characters. Nodes name it in pool. */
  name: string;
  /** Path before the API, as "/vllm", whose requests go to its nodes; cut off before the routes. Exclusive with host. */
  path?: string;
  /** Host name by which clients reach it, as "vllm.example.org". Exclusive with path. */
  host?: string;
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
  /** Models that it may use; lists show it no others. Default all. Needs routing models. */
  models?: string[];
  /** Tokens of prompts and answers that it may use a day; above that it gets 429 until midnight UTC. Requests in flight end. Default no limit. Needs routing models. */
  tokensPerDay?: number;
  /** Requests for inference that it may make a day; above that it gets 429 until midnight UTC. Default no limit. Needs routing models. */
  requestsPerDay?: number;
  /** Last day on which it is taken, in UTC, as "2027-03-31"; then it gets 401. Default none. Needs routing models. */
  expires?: string;
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
  /** Keys, as "Authorization: Bearer KEY", "x-api-key: KEY", or Basic with the key's name as user and the key as password. Default none: whoever reaches the port may use it. */
  apiKeys?: ApiKeyArgs[];
  /** Whether the tokens of every key are counted, by what each answer says at its end, for ollama-mesh status --usage and /metrics; those of a key with tokensPerDay are in any case, and requests are of all. Default false: nginx takes half as much CPU again for each token. Needs apiKeys, and routing models. */
  countTokens?: boolean;
  /** Networks, as CIDR or address, that may connect; all others may not. Default all. */
  allow?: string[];
  /** Networks that may not connect. Default none. */
  deny?: string[];
  /** Networks of proxies in front whose X-Forwarded-For tells the client's address. Default none: the header can be forged. */
  trustedProxies?: string[];
  /** Origins of browser pages that may use the mesh, as OLLAMA_ORIGINS takes them: "https://chat.example.org", with one "*" for any part ("https://*.example.org", "app://*"), or "*" for all. They take the place of the default. Default pages on a client's own machine, as Ollama allows them (localhost, app, file, tauri, vscode-webview, vscode-file). Pages of the balancer's own address always may; [] lets no page. */
  corsOrigins?: string[];
  /** How much one client may ask for. Default no limits. */
  limits?: LimitArgs;
}

/** One of the two machines of two balancers. */
export interface BalancerHostArgs {
  /** Docker engine that runs it, as for a node. */
  host: string;
  /** Address or name by which clients, and nodes on other machines, reach this machine. With virtualAddress its IPv4 address in that network. Default the host of host, of ssh:// its HostName by your ssh config. */
  address?: string;
  /** Whether the machine is switched off: nothing on it is touched, and the other one is changed without it. Default false. */
  offline?: boolean;
}

/** The nginx in front of the nodes. */
export interface BalancerArgs {
  /** Docker engine that runs it, as for a node. Default unix:///var/run/docker.sock, this machine's. */
  host?: string;
  /** Two machines instead of host, each with a balancer of its own before the same nodes. All nodes are published then, also those on these machines. Default one balancer, on host. */
  hosts?: BalancerHostArgs[];
  /** IPv4 address with its network, as "192.168.1.50/24", that one of hosts has and the other takes over within a second or two. It must be free, and in the network of both. Default none: clients are given two addresses. Source: keepalived, VRRP (RFC 9568). */
  virtualAddress?: string;
  /** Number, 1-255, by which VRRP tells this address from others in the same network. Default one by the mesh's name. Source: keepalived, virtual_router_id. */
  virtualRouterId?: number;
  /** Image with keepalived, curl and iproute2, on engines that cannot build one. Default none: it is built on each engine from the nginx image and Debian's package. */
  keepalivedImage?: string;
  /** nginx image; needs nginx 1.30.6 or newer, curl and flock. Default the official image of that version. */
  image?: pulumi.Input<string>;
  /** Address and port for clients. Default 127.0.0.1:11434. */
  listen?: ListenArgs;
  /** Address or name by which clients reach it: it stands in the output endpoint, its pages are the balancer's own, and nodes on other machines ask there whether they hang. Default listen.address; where that is every address, the host of host, of ssh:// its HostName by your ssh config. */
  address?: string;
  /** HTTPS for clients. Default plain HTTP. */
  tls?: TlsArgs;
  /** Who may use the mesh. Default whoever reaches it. */
  access?: AccessArgs;
  /** Path before the API, as "/ollama": clients may ask for it as well, and it is cut off before the routes. For a proxy in front that keeps it. Default none. */
  basePath?: string;
  /** Groups of nodes that clients ask for by a path or a host name: several model servers behind one address. Each lists, and is asked for, what its own nodes have. Default one group of all nodes. */
  pools?: PoolArgs[];
  /** What clients may ask for. Default Ollama's inference and read routes. */
  routes?: RoutesArgs;
  /** A listener for the person who runs the mesh. Default none. */
  management?: ManagementArgs;
  /** What a node is chosen by: models or plain. Default models; plain, with a warning, where the image has no njs 1.0.1 and no key a quota. Declared, models is refused there. */
  routing?: Routing;
  /** How a node is chosen. Default least_conn: the length of answers varies a hundredfold, so turns are not load. With routing models that is the node where the request will end first; any other algorithm chooses among the nodes that have the model. */
  algorithm?: Algorithm;
  /** What the hash algorithm goes by: "uri", "client", "header:NAME", "cookie:NAME" or "argument:NAME". Required with it, and only then. */
  hashKey?: string;
  /** Keeps clients on their node. Default off. */
  sticky?: StickyArgs;
  /** What is done about a node that hangs: restart, verdict or off. Default restart: a hung Ollama answers its lists for ever, and never a token. Needs routing models. */
  health?: Health;
  /** Whether connections to a node that is frozen, or begins to hang, are closed: what waits there is answered by another, a stream that has begun ends with an error. Default false: it takes a container with CAP_NET_ADMIN in nginx's network, and perl in its image. Needs routing models, and health. Source: Envoy, close_connections_on_host_health_failure. */
  closeOnFailure?: boolean;
  /** How long requests may wait at busy nodes. Default 60 seconds. Needs routing models. */
  queue?: QueueArgs;
  /** When a request is tried on another node. Default the llm profile, three tries. */
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
  /** Largest request body in MiB; 0 for no limit. Default 64: a chat with images in base64. Source: nginx, client_max_body_size. */
  maxBodyMib?: number;
  /** Connections kept open to the nodes. Default 32 for 60 seconds. */
  keepalive?: KeepaliveArgs;
  /** Where the log goes, and what stands in it. Default all requests, with Docker's json-file. */
  log?: LogArgs;
  /** Traces of requests, for a collector of yours. Needs an image with nginx's ngx_otel_module, as nginx:1.30.6-otel. Default none: a client's traceparent is passed on to the nodes as it is. Source: nginx, ngx_otel_module. */
  tracing?: TracingArgs;
  /** Whether answers name the node that gave them (X-Mesh-Node). Default true. */
  nodeHeader?: boolean;
  /** DNS server by IP address for nodes whose address is a name: it is looked up again while nginx runs, and a name that is not known does not stop nginx. Default none: names are looked up once, when the config is loaded. */
  resolver?: string;
  /** Worker processes. Default 2, enough for any model fleet; "auto" would count the host's cores, not the container's. Source: nginx, worker_processes. */
  workers?: number;
  /** Docker networks of the balancer's engine that it joins, by name: a server that you run in one is then a node by its container's name. They must be there, and stay yours: one that is taken out is left when the balancer's container is made anew, or by docker network disconnect. Names of nodes are then looked up by Docker where no resolver is declared. Docker before 28 publishes the balancer's ports in the first of its networks by name. Default none. */
  networks?: string[];
  /** Network on the balancer's engine in which nodes of that engine get fixed addresses, as IPv4 CIDR of /16 to /24. Must overlap neither a LAN nor another Docker network of its host. Default a /20 inside 10.0.0.0/8 derived from the mesh's name. */
  subnet?: string;
}
