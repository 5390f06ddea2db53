// Every default of the mesh, once, with its reason where the number is not obvious.

/** Ollama's own port. */
export const OLLAMA_PORT = 11434;

export const DEFAULT_ENGINE = "unix:///var/run/docker.sock";

/** Pinned: an upgrade is a decision that shows in a preview. */
export const OLLAMA_IMAGE = "ollama/ollama:0.32.15";
export const OLLAMA_ROCM_IMAGE = "ollama/ollama:0.32.15-rocm";
/** 1.30.6 mends overflows in map and log expressions, which the generated config is full of (CVE-2026-42533, CVE-2026-93479). */
export const NGINX_IMAGE = "nginx:1.30.6";

export const NODE = {
  weight: 1,
  maxConnections: 0,
  /** Threads and processes in a node's container; a runaway runner must not take the host with it. */
  pids: 4096,
} as const;

export const OLLAMA = {
  keepAlive: "24h",
  numParallel: 2,
} as const;

export const BALANCER = {
  listenAddress: "127.0.0.1",
  listenPort: OLLAMA_PORT,
  algorithm: "least_conn",
  connectTimeoutSeconds: 3,
  readTimeoutSeconds: 900,
  sendTimeoutSeconds: 60,
  maxFails: 3,
  failTimeoutSeconds: 5,
  tries: 3,
  tryTimeoutSeconds: 15,
  maxBodyMiB: 64,
  keepaliveConnections: 32,
  keepaliveTimeoutSeconds: 60,
  workers: 2,
  /** nginx with 2 workers and 8192 connections each stays below 200 MiB; bodies and buffers come on top. */
  memoryMiB: 1024,
  pids: 256,
} as const;

export const ROLLOUT = {
  maxUnavailable: 1,
  drainTimeoutSeconds: 600,
  readyTimeoutSeconds: 600,
  warmUp: true,
  minimumFreeGiB: 2,
} as const;
