import { engineTls, tlsFolder } from "../../steps/engine/engine-tls.ts";
import type { MeshConfig } from "../../config/mesh-config.ts";
import { engineHost } from "../../config/net/engine-endpoint.ts";
import type { Problem } from "../../config/problems.ts";

const LOOPBACK = /^(127\.|localhost$|::1$)/i;

/** Engines that anybody may use who reaches them. It looks for certificates on this machine. */
export function engineWarnings({ nodes, balancer }: MeshConfig): Problem[] {
  const engines = [
    { path: "balancer.host", host: balancer?.host },
    ...(balancer?.hosts ?? []).map(({ host }, at) => ({
      path: `balancer.hosts[${at}].host`,
      host,
    })),
    ...nodes.map(({ host }, at) => ({ path: `nodes[${at}].host`, host })),
  ];
  return engines.flatMap(({ path, host }, at): Problem[] => {
    const folder = host === undefined ? undefined : tlsFolder(host);
    if (host === undefined || folder === undefined || engineTls(host)) return [];
    if (LOOPBACK.test(engineHost(host) ?? "")) return [];
    if (engines.findIndex((other) => other.host === host) !== at) return [];
    return [
      {
        path,
        text: `is ${host} without TLS: whoever reaches that port is root on the machine; use ssh://, or put ca.pem, cert.pem and key.pem into ${folder}`,
      },
    ];
  });
}
