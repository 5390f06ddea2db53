import { NGINX } from "../../config/defaults.ts";
import { MESH_LABEL, NODE_LABEL } from "../../config/names.ts";
import { NGINX_USER, LOOPBACK_PORT, OPEN_FILES } from "../../templates/nginx-layout.ts";

/** What every container of a mesh has, in the words of the docker provider. */
export function hardenedContainer(mesh: string, node: string, stopSeconds: number) {
  return {
    tmpfs: { "/tmp": "mode=1777" },
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    labels: [
      { label: MESH_LABEL, value: mesh },
      { label: NODE_LABEL, value: node },
    ],
    logDriver: "json-file",
    logOpts: { "max-file": "3", "max-size": "10m" },
    restart: "unless-stopped",
    stopTimeout: stopSeconds,
    destroyGraceSeconds: stopSeconds,
  };
}

/** The same for nginx: the balancer's, and the guard of a node. */
export interface HardenedNginx {
  mesh: string;
  node: string;
  configFile: string;
  memoryMib: number;
  /** What it must answer on its loopback, for `docker ps`. */
  healthPath: string;
}

/** What every nginx of a mesh has. */
export function hardenedNginx(args: HardenedNginx) {
  const { mesh, node, configFile, memoryMib, healthPath } = args;
  const url = `http://127.0.0.1:${LOOPBACK_PORT}${healthPath}`;
  return {
    ...hardenedContainer(mesh, node, NGINX.stopSeconds),
    command: ["nginx", "-e", "stderr", "-c", configFile, "-g", "daemon off;"],
    user: NGINX_USER,
    readOnly: true,
    memory: memoryMib,
    memorySwap: memoryMib,
    ulimits: [{ name: "nofile", soft: OPEN_FILES, hard: OPEN_FILES }],
    healthcheck: {
      tests: ["CMD", "curl", "-fsS", "-o", "/dev/null", url],
      interval: "10s",
      timeout: "3s",
      retries: 3,
      startPeriod: "5s",
    },
    stopSignal: "SIGQUIT",
  };
}
