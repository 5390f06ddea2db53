import { MONITORING } from "../config/defaults.ts";
import type { MeshConfig } from "../config/mesh-config.ts";
import { BALANCER_NAME, monitoringContainer, monitoringVolume } from "../config/names.ts";
import { engineHost } from "../config/net/engine-endpoint.ts";
import { hostPort } from "../config/net/host-port.ts";
import { isUnspecified } from "../config/net/ip-address.ts";
import { isLoopback } from "../config/net/private-networks.ts";
import { type Watching, watcherAddress } from "./addresses.ts";
import type { BalancerPlan } from "./balancer-plan.ts";

/** What watches the mesh beside one balancer. */
export interface MonitoringPlan {
  /** Beside which. */
  balancer: BalancerPlan;
  /** Of the host, where both listen. */
  address: string;
  prometheus: Watcher & { port: number; retentionGib: number; retentionDays: number };
  grafana?: Watcher & { port: number };
  alertmanager?: Watcher;
  /** What is scraped. */
  targets: ScrapeTarget[];
  /** Where people look. */
  urls: { prometheus: string; grafana?: string };
}

/** One of its containers. */
export interface Watcher {
  container: string;
  image: string;
  /** Of what it writes. */
  volume: string;
  /** In the mesh network. */
  address: string;
}

/** A balancer, and where its counters are. */
export interface ScrapeTarget {
  instance: string;
  address: string;
  /** Of its management listener; absent in the mesh network. */
  port?: number;
}

/** Decides what watches the mesh, beside each balancer; nothing where none is declared. */
export function planMonitoring(
  mesh: string,
  { monitoring }: MeshConfig,
  balancers: readonly BalancerPlan[],
): MonitoringPlan[] {
  if (!monitoring) return [];
  const declared = { ...MONITORING, ...monitoring };
  const { address, prometheusPort, grafanaPort, retentionGib, retentionDays } = declared;
  return balancers.map((balancer): MonitoringPlan => {
    const { subnet } = balancer.addresses;
    const watcher = (program: Watching, image: string): Watcher => ({
      container: monitoringContainer(mesh, program),
      image,
      volume: monitoringVolume(mesh, program),
      address: watcherAddress(subnet, program),
    });
    const url = (port: number) => `http://${hostPort(lookedAt(address, balancer), port)}`;
    return {
      balancer,
      address,
      prometheus: {
        ...watcher("prometheus", declared.prometheusImage),
        ...{ port: prometheusPort, retentionGib, retentionDays },
      },
      ...(declared.grafana
        ? { grafana: { ...watcher("grafana", declared.grafanaImage), port: grafanaPort } }
        : {}),
      ...(declared.webhook === undefined
        ? {}
        : { alertmanager: watcher("alertmanager", declared.alertmanagerImage) }),
      targets: balancers.flatMap((other) => targetOf(other, balancer)),
      urls: {
        prometheus: url(prometheusPort),
        ...(declared.grafana ? { grafana: url(grafanaPort) } : {}),
      },
    };
  });
}

/**
 * Its own balancer over the mesh network; another one where its management listener can be reached from elsewhere, and
 * it is not declared to be switched off, which no alert need say.
 */
function targetOf(balancer: BalancerPlan, own: BalancerPlan): ScrapeTarget[] {
  const { management, address, endpoint, container, key, offline } = balancer;
  const instance = key ?? BALANCER_NAME;
  if (balancer === own) return [{ instance, address: container }];
  if (offline) return [];
  const host = address ?? engineHost(endpoint);
  return management && !isLoopback(management.address) && host !== undefined
    ? [{ instance, address: host, port: management.port }]
    : [];
}

/** The host itself, where every address of it will do. */
const lookedAt = (address: string, { endpoint }: BalancerPlan): string =>
  isUnspecified(address) ? (engineHost(endpoint) ?? "localhost") : address;
