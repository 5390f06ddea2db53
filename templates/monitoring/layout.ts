// Ports inside the containers that watch a mesh, and where their files are mounted.

/** Where each has its files. */
export const FILES_FOLDER = "/etc/ollama-mesh";

/** Prometheus's own port. */
export const PROMETHEUS_PORT = 9090;

/** Grafana's own port. */
export const GRAFANA_PORT = 3000;

/** Alertmanager's own port. */
export const ALERTMANAGER_PORT = 9093;

/** Grafana's file with the password of its first user. */
export const PASSWORD_FILE = "admin-password";
