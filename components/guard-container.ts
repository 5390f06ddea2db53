import { CONFIG_FOLDER, NGINX_USER } from "../steps/volume-helper.ts";
import type { Link } from "../steps/guard.ts";
import { GUARD_FILES, GUARD_PORT, guardConf } from "../templates/guard-conf.ts";
import { LOOPBACK_PORT } from "../templates/management.ts";
import { OPEN_FILES } from "../templates/process.ts";
import { BALANCER, GUARD } from "./defaults.ts";
import { MESH_LABEL, NODE_LABEL, shortHash } from "./names.ts";
import type { ContainerPlan, NodePlan } from "./plan.ts";

/** What lies in the volume of a guard, by name. */
export function guardFiles(container: ContainerPlan, { server, client }: Link) {
  return {
    [GUARD_FILES.certificate]: server.certificate,
    [GUARD_FILES.key]: server.key,
    [GUARD_FILES.client]: client.certificate,
    "nginx.conf": guardConf(container),
  };
}

/**
 * Name of the volume with a guard's files: other files are another volume, so that the old guard has its own for as
 * long as it runs. The hash tells nothing of the keys.
 */
export const guardVolume = (guard: string, files: Record<string, string>) =>
  `${guard}-${shortHash(JSON.stringify(files), 12)}`;

/** What the docker provider is told of a guard's container, but for its image. Pure. */
export function guardContainerArgs(mesh: string, node: NodePlan, volume: string) {
  const { guard, publish } = node.container ?? {};
  if (!guard || !publish) throw new RangeError(`node ${node.name} has no guard`);
  return {
    name: guard,
    command: ["nginx", "-e", "stderr", "-c", `${CONFIG_FOLDER}/nginx.conf`, "-g", "daemon off;"],
    user: NGINX_USER,
    ports: [{ ip: publish.ip, external: publish.port, internal: GUARD_PORT }],
    networksAdvanced: [{ name: guard }],
    volumes: [{ volumeName: volume, containerPath: CONFIG_FOLDER, readOnly: true }],
    tmpfs: { "/tmp": "mode=1777" },
    readOnly: true,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    memory: GUARD.memoryMiB,
    memorySwap: GUARD.memoryMiB,
    ulimits: [{ name: "nofile", soft: OPEN_FILES, hard: OPEN_FILES }],
    labels: [
      { label: MESH_LABEL, value: mesh },
      { label: NODE_LABEL, value: node.name },
    ],
    healthcheck: {
      tests: ["CMD", "curl", "-fsS", "-o", "/dev/null", `http://127.0.0.1:${LOOPBACK_PORT}/`],
      interval: "10s",
      timeout: "3s",
      retries: 3,
      startPeriod: "5s",
    },
    logDriver: "json-file",
    logOpts: { "max-file": "3", "max-size": "10m" },
    restart: "unless-stopped",
    stopSignal: "SIGQUIT",
    stopTimeout: BALANCER.stopSeconds,
    destroyGraceSeconds: BALANCER.stopSeconds,
  };
}
