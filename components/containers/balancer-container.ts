import { posix } from "node:path";
import {
  CONFIG_FILE,
  CONFIG_FOLDER,
  FRONT_PORT,
  MANAGEMENT_PORT,
  REDIRECT_PORT,
  TLS_FOLDER,
} from "../../templates/nginx-layout.ts";
import type { PublishedPort } from "../../plan/host-plan.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { NGINX } from "../../config/defaults.ts";
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
  return [
    { ip: listen.address, port: listen.port, internal: FRONT_PORT },
    ...(management
      ? [{ ip: management.address, port: management.port, internal: MANAGEMENT_PORT }]
      : []),
    ...(tls?.redirectPort === undefined
      ? []
      : [{ ip: listen.address, port: tls.redirectPort, internal: REDIRECT_PORT }]),
  ].sort((a, b) => a.internal - b.internal);
}

/** What the docker provider is told of the balancer's container, but for its image and its place in the mesh network. Pure. */
export function nginxContainerArgs(mesh: string, plan: BalancerPlan) {
  const certificates = plan.tls?.certificateFile;
  return {
    ...hardenedNginx({
      mesh,
      node: "balancer",
      configFile: CONFIG_FILE,
      memoryMiB: NGINX.memoryMiB,
      healthPath: "/config-hash",
    }),
    name: plan.container,
    ports: publishedPorts(plan).map(({ ip, port, internal }) => ({ ip, external: port, internal })),
    volumes: [
      { volumeName: plan.volume, containerPath: CONFIG_FOLDER, readOnly: true },
      ...(certificates
        ? [{ hostPath: posix.dirname(certificates), containerPath: TLS_FOLDER, readOnly: true }]
        : []),
    ],
    sysctls: SYSCTLS,
  };
}
