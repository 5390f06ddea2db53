import type {
  AccessArgs,
  BalancerArgs,
  ManagementArgs,
  RouteArgs,
  RouteSet,
  StickyArgs,
  TlsArgs,
} from "../config/balancer-args.ts";
import {
  BALANCER,
  DEFAULT_ENGINE,
  MANAGEMENT_ADDRESS,
  NGINX_IMAGE,
  RETRY,
  ROUTES,
  STICKY_EXPIRES_SECONDS,
} from "../config/defaults.ts";
import { type Known, type MeshConfig, isAttached } from "../config/mesh-config.ts";
import { balancerContainer, configVolume, engineKey, meshNetwork } from "../config/names.ts";
import { engineHost, parseEndpoint } from "../config/net/engine-endpoint.ts";
import { hostPort } from "../config/net/host-port.ts";
import { defaultSubnet } from "../config/subnet.ts";
import { type Addresses, assignAddresses } from "./addresses.ts";

/** Settings that are one value each. */
type SimpleSettings = Required<
  Pick<
    Known<BalancerArgs>,
    | "image"
    | "algorithm"
    | "connectTimeoutSeconds"
    | "readTimeoutSeconds"
    | "sendTimeoutSeconds"
    | "maxFails"
    | "failTimeoutSeconds"
    | "maxBodyMiB"
    | "nodeHeader"
    | "workers"
  >
>;

/** The balancer, every default filled in. */
export interface BalancerPlan extends SimpleSettings {
  key: string;
  endpoint: string;
  container: string;
  volume: string;
  network: string;
  addresses: Addresses;
  listen: { address: string; port: number };
  tls?: Known<TlsArgs>;
  access: Known<AccessArgs>;
  routes: { set: RouteSet; paths: Required<RouteArgs>[]; upgrade: boolean };
  management?: Required<ManagementArgs>;
  hashKey?: string;
  sticky?: StickyArgs & { expiresSeconds: number };
  retry: { on: readonly string[]; tries: number; timeoutSeconds: number };
  keepalive: { connections: number; timeoutSeconds: number; requests: number };
  resolver?: string;
  /** Where clients reach it. */
  url: string;
  /** Whether the host in that is the name of an ssh endpoint, which may be known to ssh alone. */
  urlBySsh: boolean;
}

/** Decides all that concerns the balancer. */
export function planBalancer(name: string, config: MeshConfig): BalancerPlan {
  const settings = config.balancer ?? {};
  const endpoint = settings.host ?? DEFAULT_ENGINE;
  const attached = config.nodes.filter((node) => isAttached(node, endpoint));
  const listen = {
    address: settings.listen?.address ?? BALANCER.listenAddress,
    port: settings.listen?.port ?? BALANCER.listenPort,
  };
  return {
    ...simpleSettings(settings),
    ...optionalSettings(settings),
    key: engineKey(endpoint),
    endpoint,
    container: balancerContainer(name),
    volume: configVolume(name),
    network: meshNetwork(name),
    addresses: assignAddresses(
      settings.subnet ?? defaultSubnet(name),
      attached.map((node) => node.name),
    ),
    listen,
    access: settings.access ?? {},
    routes: {
      set: settings.routes?.set ?? ROUTES.set,
      upgrade: settings.routes?.upgrade ?? ROUTES.upgrade,
      paths: (settings.routes?.paths ?? []).map(({ path, methods }) => ({
        path,
        methods: methods ?? [...ROUTES.methods],
      })),
    },
    retry: {
      on: settings.retry?.on ?? RETRY.conditions[settings.retry?.profile ?? RETRY.profile],
      tries: settings.retry?.tries ?? RETRY.tries,
      timeoutSeconds: settings.retry?.timeoutSeconds ?? RETRY.timeoutSeconds,
    },
    keepalive: {
      connections: settings.keepalive?.connections ?? BALANCER.keepaliveConnections,
      timeoutSeconds: settings.keepalive?.timeoutSeconds ?? BALANCER.keepaliveTimeoutSeconds,
      requests: settings.keepalive?.requests ?? BALANCER.keepaliveRequests,
    },
    ...clientsUrl(settings, endpoint, listen),
  };
}

function simpleSettings(settings: Known<BalancerArgs>): SimpleSettings {
  return {
    image: settings.image ?? NGINX_IMAGE,
    algorithm: settings.algorithm ?? BALANCER.algorithm,
    connectTimeoutSeconds: settings.connectTimeoutSeconds ?? BALANCER.connectTimeoutSeconds,
    readTimeoutSeconds: settings.readTimeoutSeconds ?? BALANCER.readTimeoutSeconds,
    sendTimeoutSeconds: settings.sendTimeoutSeconds ?? BALANCER.sendTimeoutSeconds,
    maxFails: settings.maxFails ?? BALANCER.maxFails,
    failTimeoutSeconds: settings.failTimeoutSeconds ?? BALANCER.failTimeoutSeconds,
    maxBodyMiB: settings.maxBodyMiB ?? BALANCER.maxBodyMiB,
    nodeHeader: settings.nodeHeader ?? BALANCER.nodeHeader,
    workers: settings.workers ?? BALANCER.workers,
  };
}

/** What is there only when it was declared. */
function optionalSettings({ tls, management, hashKey, sticky, resolver }: Known<BalancerArgs>) {
  return {
    ...(tls ? { tls } : {}),
    ...(management
      ? {
          management: {
            address: management.address ?? MANAGEMENT_ADDRESS,
            port: management.port,
          },
        }
      : {}),
    ...(hashKey === undefined ? {} : { hashKey }),
    ...(sticky
      ? { sticky: { ...sticky, expiresSeconds: sticky.expiresSeconds ?? STICKY_EXPIRES_SECONDS } }
      : {}),
    ...(resolver === undefined ? {} : { resolver }),
  };
}

function clientsUrl(
  settings: Known<BalancerArgs>,
  endpoint: string,
  listen: BalancerPlan["listen"],
): Pick<BalancerPlan, "url" | "urlBySsh"> {
  const everywhere = listen.address === "0.0.0.0" || listen.address === "::";
  const byEndpoint = settings.address === undefined && everywhere;
  const host = byEndpoint
    ? (engineHost(endpoint) ?? "localhost")
    : (settings.address ?? listen.address);
  return {
    url: urlAt(host, { listen, tls: settings.tls }),
    urlBySsh: byEndpoint && parseEndpoint(endpoint)?.kind === "ssh",
  };
}

/** The balancer's URL by a name or address of its host. */
export const urlAt = (
  host: string,
  { listen, tls }: { listen: BalancerPlan["listen"]; tls?: unknown },
) => `${tls ? "https" : "http"}://${hostPort(host, listen.port)}`;
