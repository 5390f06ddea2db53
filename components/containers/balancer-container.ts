import { listenAddresses } from "../../config/mesh-config.ts";
import { posix } from "node:path";
import {
  CONFIG_FILE,
  CONFIG_FOLDER,
  FRONT_PORT,
  MANAGEMENT_PORT,
  OWN_SOCKET,
  REDIRECT_PORT,
  TLS_FOLDER,
  USAGE_FOLDER,
} from "../../templates/nginx-layout.ts";
import { BODIES } from "../../templates/tuning.ts";
import type { PublishedPort } from "../../plan/host-plan.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { HOST_GATEWAY, NGINX } from "../../config/defaults.ts";
import { BALANCER_NAME } from "../../config/names.ts";
import { CONFIG_HASH_URL } from "../../steps/balancer/ask.ts";
import { keepPortsCommand } from "../../steps/balancer/front/keep-ports.ts";
import { hardenedNginx } from "./hardened-container.ts";

/** What the kernel does about nodes that vanish without a word; nginx has no setting for it. */
export const SYSCTLS = {
  // proxy_socket_keepalive asks a silent node's kernel for a sign of life. 35 s and the streams that it was
  // writing end; by default over two hours. Not less: a switch that restarts must not end every stream.
  "net.ipv4.tcp_keepalive_time": "15",
  "net.ipv4.tcp_keepalive_intvl": "5",
  "net.ipv4.tcp_keepalive_probes": "4",
  // A node without power still has requests written to its kept connections. 5 retransmissions
  // end them after 13 s, within the retry budget: 0 errors, where 6 (27 s) gave 4 in 8 clients.
  "net.ipv4.tcp_retries2": "5",
} as const;

/** A port of the host, and the one inside the container behind it. */
interface Published extends PublishedPort {
  internal: number;
}

/** Every port that the balancer's host gives, sorted as the provider reads them back: by the inner port. */
export function publishedPorts({ listen, management, tls }: BalancerPlan): Published[] {
  const addresses = listenAddresses(listen);
  return [
    ...addresses.map((ip) => ({ ip, port: listen.port, internal: FRONT_PORT })),
    ...(management
      ? [{ ip: management.address, port: management.port, internal: MANAGEMENT_PORT }]
      : []),
    ...(tls?.redirectPort === undefined
      ? []
      : addresses.map((ip) => ({ ip, port: tls.redirectPort!, internal: REDIRECT_PORT }))),
  ].sort((a, b) => a.internal - b.internal);
}

/**
 * What the docker provider is told of the front, the container that owns ports, address and sysctls, but for its image
 * and sysctls. It is made in no network, where Docker publishes nothing: see steps/balancer/front/give-address.ts. Pure.
 */
export function frontContainerArgs(mesh: string, plan: BalancerPlan) {
  const ports = publishedPorts(plan);
  return {
    ...common(mesh, plan),
    command: keepPortsCommand(CONFIG_FILE, [...new Set(ports.map(({ internal }) => internal))]),
    name: plan.container,
    networkMode: "none",
    ...(plan.hostGateway ? { hosts: [{ host: HOST_GATEWAY, ip: "host-gateway" }] } : {}),
    ports: ports.map(({ ip, port, internal }) => ({ ip, external: port, internal })),
  };
}

/** Its own streams are the log of the container that it has joined: one log, whatever nginx is replaced. */
const LOG_TO_FRONT = 'exec "$@" >/proc/1/fd/1 2>/proc/1/fd/2';

/**
 * What the docker provider is told of the balancer's nginx, but for its image and the front that it joins. It has no
 * name, so that one may run beside another. Pure.
 *
 * @param drainSeconds after which its streams are cut, once another one has taken its place
 */
export function nginxContainerArgs(mesh: string, plan: BalancerPlan, drainSeconds: number) {
  const { command, healthcheck, volumes, ...nginx } = common(mesh, plan);
  const own = ["--unix-socket", OWN_SOCKET, CONFIG_HASH_URL];
  return {
    ...nginx,
    volumes: [
      ...volumes,
      ...(plan.usageVolume
        ? [{ volumeName: plan.usageVolume, containerPath: USAGE_FOLDER, readOnly: false }]
        : []),
    ],
    // What nginx has no room for is refused: without a size it was more than the container's memory, and killed a worker.
    tmpfs: { "/tmp": `mode=1777,size=${BODIES.roomMiB}m` },
    command: ["sh", "-c", LOG_TO_FRONT, "sh", ...command],
    healthcheck: { ...healthcheck, tests: [...healthcheck.tests.slice(0, -1), ...own] },
    destroyGraceSeconds: drainSeconds,
  };
}

function common(mesh: string, plan: BalancerPlan) {
  const certificates = plan.tls?.certificateFile;
  return {
    ...hardenedNginx({
      mesh,
      node: BALANCER_NAME,
      configFile: CONFIG_FILE,
      memoryMib: NGINX.memoryMib,
      healthPath: "/config-hash",
    }),
    ...loggedBy(plan),
    volumes: [
      { volumeName: plan.volume, containerPath: CONFIG_FOLDER, readOnly: true },
      ...(certificates
        ? [{ hostPath: posix.dirname(certificates), containerPath: TLS_FOLDER, readOnly: true }]
        : []),
    ],
  };
}

/** The front's log is that of the mesh; nginx's own has what it says before it has joined the front. */
const loggedBy = ({ log: { driver, options } = {} }: BalancerPlan) =>
  driver === undefined && options === undefined
    ? {}
    : { logDriver: driver ?? "json-file", logOpts: options ?? {} };
