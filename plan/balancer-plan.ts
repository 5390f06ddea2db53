import type {
  AccessArgs,
  BalancerArgs,
  ManagementArgs,
  RetryArgs,
  RouteArgs,
  RouteSet,
  RoutesArgs,
  StickyArgs,
  TlsArgs,
} from "../config/balancer-args.ts";
import {
  BALANCER,
  DEFAULT_ENGINE,
  MANAGEMENT_ADDRESS,
  RETRY,
  ROUTES,
  STICKY_EXPIRES_SECONDS,
} from "../config/defaults.ts";
import { type Known, type MeshConfig, isAttached } from "../config/mesh-config.ts";
import { balancerContainer, configVolume, meshNetwork } from "../config/names.ts";
import { engineHost, parseEndpoint } from "../config/net/engine-endpoint.ts";
import { hostPort } from "../config/net/host-port.ts";
import { defaultSubnet } from "../config/subnet.ts";
import { type Addresses, assignAddresses } from "./addresses.ts";

/** Settings that are one value each, and have a default. */
type SimpleSettings = Required<
  Pick<Known<BalancerArgs>, Exclude<keyof typeof BALANCER, "listen" | "keepalive">>
>;

/** The balancer, every default filled in. */
export interface BalancerPlan extends SimpleSettings {
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

/**
 * Decides all that concerns the balancer.
 *
 * @throws RangeError when the mesh network has no room for the nodes in it, which parseMesh refuses
 */
export function planBalancer(name: string, config: MeshConfig): BalancerPlan {
  const {
    host: endpoint = DEFAULT_ENGINE,
    subnet = defaultSubnet(name),
    address,
    management,
    sticky,
    ...declared
  } = config.balancer ?? {};
  const attached = config.nodes.filter((node) => isAttached(node, endpoint));
  const listen = { ...BALANCER.listen, ...declared.listen };
  return {
    ...BALANCER,
    ...declared,
    endpoint,
    container: balancerContainer(name),
    volume: configVolume(name),
    network: meshNetwork(name),
    addresses: assignAddresses(
      subnet,
      attached.map((node) => node.name),
    ),
    listen,
    access: declared.access ?? {},
    routes: planRoutes(declared.routes),
    retry: planRetry(declared.retry),
    keepalive: { ...BALANCER.keepalive, ...declared.keepalive },
    ...(management ? { management: { address: MANAGEMENT_ADDRESS, ...management } } : {}),
    ...(sticky ? { sticky: { expiresSeconds: STICKY_EXPIRES_SECONDS, ...sticky } } : {}),
    ...clientsUrl(endpoint, listen, declared.tls, address),
  };
}

function planRoutes({ paths = [], ...declared }: RoutesArgs = {}): BalancerPlan["routes"] {
  const { methods, ...defaults } = ROUTES;
  return {
    ...defaults,
    ...declared,
    paths: paths.map((path) => ({ methods: [...methods], ...path })),
  };
}

function planRetry({
  profile = RETRY.profile,
  ...declared
}: RetryArgs = {}): BalancerPlan["retry"] {
  const { conditions, tries, timeoutSeconds } = RETRY;
  return { on: conditions[profile], tries, timeoutSeconds, ...declared };
}

function clientsUrl(
  endpoint: string,
  listen: BalancerPlan["listen"],
  tls: unknown,
  address: string | undefined,
): Pick<BalancerPlan, "url" | "urlBySsh"> {
  const everywhere = listen.address === "0.0.0.0" || listen.address === "::";
  const byEndpoint = address === undefined && everywhere;
  const host = byEndpoint ? (engineHost(endpoint) ?? "localhost") : (address ?? listen.address);
  return {
    url: urlAt(host, { listen, tls }),
    urlBySsh: byEndpoint && parseEndpoint(endpoint)?.kind === "ssh",
  };
}

/** The balancer's URL by a name or address of its host. */
export const urlAt = (
  host: string,
  { listen, tls }: { listen: BalancerPlan["listen"]; tls?: unknown },
) => `${tls ? "https" : "http"}://${hostPort(host, listen.port)}`;
