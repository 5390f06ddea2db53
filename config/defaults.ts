// Every default of the mesh, once, with its reason where the number is not obvious.

/** Docker's own DNS server, in every network that somebody has made. */
export const DOCKER_DNS = "127.0.0.11";

/** Name by which the balancer's container finds its own host, where a node has it as address. */
export const HOST_GATEWAY = "host.docker.internal";

/** Ollama's own port. */
export const OLLAMA_PORT = 11434;

/** Of a node with tls: Ollama speaks none, so what answers there is a web server. */
export const HTTPS_PORT = 443;

export const DEFAULT_ENGINE = "unix:///var/run/docker.sock";

/** Pinned: an upgrade is a decision that shows in a preview. */
export const OLLAMA_IMAGE = "ollama/ollama:0.32.15";
export const OLLAMA_ROCM_IMAGE = "ollama/ollama:0.32.15-rocm";
/** 1.30.6 mends overflows in map and log expressions, which the generated config is full of (CVE-2026-42533, CVE-2026-93479). */
export const NGINX_IMAGE = "nginx:1.30.6";

const PROMETHEUS_IMAGE = "prom/prometheus:v3.15.0";
const GRAFANA_IMAGE = "grafana/grafana:13.2.3";
const ALERTMANAGER_IMAGE = "prom/alertmanager:v0.35.0";

export const NODE = {
  weight: 1,
  maxConnections: 0,
  /** Not balancerOnly: whoever sets up a mesh asks its nodes directly when something is wrong. README, Security, says so. */
  access: "open",
  /** Threads and processes in a node's container; a runaway runner must not take the host with it. */
  pids: 4096,
} as const;

/** What most model servers call it: FastAPI examples, vLLM, llama.cpp, TGI. */
export const SERVICE_HEALTH_PATH = "/health";

export const GPUS = {
  /** Not 100: a model larger than the GPU is slow, but its owner's choice; none of it there is a mistake. */
  minimumPercent: 1,
} as const;

export const OLLAMA = {
  keepAlive: "24h",
  numParallel: 2,
} as const;

/** Ollama's own, where none is declared: for so long a load may stand still, and be silent. */
export const OLLAMA_LOAD_SECONDS = 300;

/** In the shape of BalancerArgs. */
export const BALANCER = {
  image: NGINX_IMAGE,
  listen: { address: "127.0.0.1", port: OLLAMA_PORT },
  routing: "models",
  algorithm: "least_conn",
  health: "restart",
  closeOnFailure: false,
  /** A person gives up sooner; a batch job that is refused comes again. */
  queue: { longestWaitSeconds: 60 },
  /** Room for one lost packet, which is sent again after a second. */
  connectTimeoutSeconds: 2,
  readTimeoutSeconds: 900,
  sendTimeoutSeconds: 60,
  /**
   * Ten, because a failed try costs its client nothing but time (it is served elsewhere; a node that fails at once
   * is out within half a second), but with 3 one client whose prompt crashes every runner empties the pool: two
   * such prompts a second failed 32 % of everybody's requests, with 10 none. The price: a node that drops packets
   * is out after 8 s instead of 2, and 13 of 1,581 requests wait for connectTimeoutSeconds instead of 7.
   */
  maxFails: 10,
  /**
   * nginx has no other way to find out that a node is back: with 5 s it stayed unused for 4.4 s, with 2 s for
   * 1.3 s, and a fleet that was busy for 2 s was refused for 0.8 s longer instead of 3.9 s. Not 1: each trial of
   * a dead node lets one request wait for connectTimeoutSeconds.
   */
  failTimeoutSeconds: 2,
  maxBodyMib: 64,
  keepalive: {
    connections: 32,
    timeoutSeconds: 60,
    /** nginx's own: a new connection now and then frees what the old one holds. */
    requests: 1000,
  },
  nodeHeader: true,
  workers: 2,
} as const;

/** The nginx in front of the nodes, and its container: nothing of it can be declared. */
export const NGINX = {
  /**
   * Seconds for which a client's idle connection is kept at a reload: the client may be about to send on it. Without
   * it 92 of 57,000 requests failed in reloads. A drain waits for it, see steps/nodes/admission.ts.
   */
  keepaliveMinTimeoutSeconds: 5,
  /** Twice ROUTER.requestsMost, as a worker keeps what it had at most; and bodies that are held (BODIES in templates/tuning.ts). */
  memoryMib: 3072,
  pids: 256,
  /**
   * For streams in flight when nginx is stopped or restarted by hand. Short, because new connections wait until the next
   * one listens. One that is replaced gets rollout.drainTimeoutSeconds.
   */
  stopSeconds: 5,
} as const;

/** What closes connections to frozen nodes, with balancer.closeOnFailure: one perl, and one more for each node that it asks. */
export const CLOSER = {
  memoryMib: 64,
  stopSeconds: 2,
} as const;

/**
 * Conditions of each retry profile.
 *
 * llm: whatever fails before the first byte. 404 is "model not found": the next node may have it. 500 and
 * 503 are in, because a node that fails at once attracts everything under least_conn: without them 58-68 %
 * of requests failed while one of four nodes did, with them none. The price, that busy nodes and prompts
 * that crash a runner count as failures too, is what maxFails and failTimeoutSeconds are chosen for.
 * strict: without non_idempotent, a POST goes on only from a node that could not be connected to.
 */
export const RETRY = {
  profile: "llm",
  conditions: {
    llm: ["error", "timeout", "http_404", "http_500", "http_502", "http_503", "non_idempotent"],
    strict: ["error", "timeout"],
  },
  tries: 3,
  /**
   * By routing. plain: time for nodes that drop packets, and no longer than people wait. models: requests that are
   * stuck in a node are served elsewhere when it restarts by itself, which takes up to 90 s.
   */
  timeoutSeconds: { models: 120, plain: 15 },
} as const;

export const STICKY_EXPIRES_SECONDS = 3600;

/** What the program in nginx goes by; see templates/njs. */
export const ROUTER = {
  /** Requests that may wait at a node for each of its places, whatever the expected wait: Ollama's own queue holds 512. */
  waitingPerPlace: 64,
  /** In flight at all nodes together: njs keeps 0.55 MB for each, 0.8 with hundreds of models. 30 nodes of 4 places are 120. */
  requestsMost: 1000,
  /** Seconds that a load is held to take where a node's list does not tell how large its model is. */
  loadSeconds: 20,
  /** How many times its fair share of requests a node may have and still get those of its sessions. Source: consistent hashing with bounded loads, where 1.25 is usual. */
  sessionBound: 1.25,
} as const;

export const ROUTES = {
  set: "ollama",
  methods: ["GET", "HEAD", "POST"],
  upgrade: false,
} as const;

export const TLS = {
  /** Mozilla's "intermediate" of 2025 without the exchanges that need DH parameters; TLS 1.3 has its own, all good. */
  ciphers: [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ].join(":"),
  /** Some 40,000 sessions. */
  sessionCache: "10m",
  sessionTimeout: "1d",
} as const;

export const NODE_TLS = {
  /** Two authorities between a certificate and its root are common; nginx's own default lets one pass. */
  verifyDepth: 5,
  /** Debian's place, in nginx's official image too. */
  publicAuthorities: "/etc/ssl/certs/ca-certificates.crt",
} as const;

/** The nginx beside a node with access: balancerOnly. */
export const GUARD = {
  /** It holds no body back, and nothing of what it passes on. */
  memoryMib: 256,
  pids: 64,
  /** Enough for one node: a worker handles thousands of streams. */
  workers: 1,
  connectTimeoutSeconds: 5,
  /** Nobody but the mesh ever looks at its certificates, and their renewal replaces the guard. */
  certificateYears: 10,
  /** NIST holds 2048 bits good until 2030 only, which is less than ten years. */
  keyBits: 3072,
  /** Before their end every `up` says so. */
  warningDays: 90,
} as const;

export const LIMITS = {
  /** A client that was quiet may ask for a fifth of its minute at once: an agent's parallel calls. */
  burstShare: 0.2,
  /** Some 80,000 clients at the same time; with more, those seen longest ago are forgotten. */
  zoneSize: "10m",
  /** For whom too many requests are in flight: answers take seconds. */
  concurrentRetrySeconds: 2,
} as const;

/** For clients that no node could take: by then a failed node is tried again. */
export const RETRY_AFTER_SECONDS = BALANCER.failTimeoutSeconds + 1;

export const CORS = {
  /** Pages on a client's own machine, as Ollama allows them. Source: Ollama 0.32.15, envconfig, AllowedOrigins. */
  origins: [
    ...["localhost", "127.0.0.1", "0.0.0.0"].flatMap((host) =>
      ["http", "https"].flatMap((scheme) => [`${scheme}://${host}`, `${scheme}://${host}:*`]),
    ),
    ...["app://*", "file://*", "tauri://*", "vscode-webview://*", "vscode-file://*"],
  ],
  /** Where a page does not say which headers it will send. */
  allowedHeaders: "authorization, content-type, x-api-key",
  /** What scripts may read besides what they always may. */
  exposedHeaders: "Retry-After, X-Mesh-Node, X-Request-ID",
  /** Two hours, the most that Chrome keeps. */
  maxAgeSeconds: 7200,
} as const;

export const MANAGEMENT_ADDRESS = "127.0.0.1";

export const MANAGEMENT = {
  /** Ollama is silent while it quantises a model, which takes the longest of all that it does. */
  readTimeoutSeconds: 3600,
} as const;

export const ROLLOUT = {
  maxUnavailable: 1,
  drainTimeoutSeconds: 600,
  readyTimeoutSeconds: 600,
  warmUp: true,
  minimumFreeGib: 2,
} as const;

/** In the shape of MonitoringArgs. */
export const MONITORING = {
  address: "127.0.0.1",
  prometheusPort: 9090,
  prometheusImage: PROMETHEUS_IMAGE,
  /** Some 2 bytes a sample: 1,500 series of ten nodes, scraped every ten seconds, are 9 GB a year. */
  retentionGib: 10,
  retentionDays: 365,
  grafana: true,
  grafanaPort: 3000,
  grafanaImage: GRAFANA_IMAGE,
  alertmanagerImage: ALERTMANAGER_IMAGE,
} as const;
