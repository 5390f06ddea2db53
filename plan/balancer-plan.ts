import {
  type AccessArgs,
  type BalancerArgs,
  type ManagementArgs,
  type RouteArgs,
  type RouteSet,
  type RoutesArgs,
  Routing,
  type StickyArgs,
} from "../config/balancer-args.ts";
import {
  BALANCER,
  DEFAULT_ENGINE,
  DOCKER_DNS,
  HOST_GATEWAY,
  MANAGEMENT_ADDRESS,
  RETRY,
  ROUTES,
  STICKY_EXPIRES_SECONDS,
} from "../config/defaults.ts";
import { type Known, type MeshConfig, isAttached, meshEngine } from "../config/mesh-config.ts";
import { defaultTries } from "../config/checks/plain-retry.ts";
import {
  balancerContainer,
  configVolume,
  engineKey,
  meshNetwork,
  usageVolume,
} from "../config/names.ts";
import { defaultSubnet } from "../config/subnet.ts";
import { type Addresses, assignAddresses, watcherAddress } from "./addresses.ts";
import { clientsUrl, withUrls } from "./clients-url.ts";
import type { KnownNetworks } from "./network-name.ts";
import { planVirtualAddress, type VirtualAddress } from "./virtual-address.ts";

/** Settings that are one value each, and have a default. */
type SimpleSettings = Required<
  Pick<Known<BalancerArgs>, Exclude<keyof typeof BALANCER, "listen" | "keepalive" | "queue">>
>;

/** Settings that a plan has in another form, or its host has. */
type Planned =
  | "host"
  | "hosts"
  | "virtualAddress"
  | "virtualRouterId"
  | "keepalivedImage"
  | "address"
  | "subnet"
  | keyof typeof BALANCER
  | "management"
  | "sticky"
  | "retry"
  | "routes"
  | "access";

/** Settings as they are declared, absent where they are not: a new one that has no default is planned by itself. */
type Declared = Omit<Known<BalancerArgs>, Planned>;

/** The balancer, every default filled in. */
export interface BalancerPlan extends SimpleSettings, Declared {
  endpoint: string;
  /** Of one of two: what tells it from the other in names of resources, its host's. Absent for the only one. */
  key?: string;
  /** Whether its machine is switched off, which only one of two may be. */
  offline?: true;
  /** The address that it shares with the other one; absent where there is none. */
  virtualAddress?: VirtualAddress;
  container: string;
  volume: string;
  /** Where nginx keeps what API keys have used; absent where nothing is counted. */
  usageVolume?: string;
  network: string;
  /** Of networks of others, from which the balancer's own machine may come; absent for none. */
  gateways?: readonly string[];
  addresses: Addresses;
  /** The first of its addresses, and all of them where there are several. */
  listen: { address: string; addresses?: readonly string[]; port: number };
  access: Known<AccessArgs>;
  routes: { set: RouteSet; paths: Required<RouteArgs>[]; upgrade: boolean };
  management?: Required<ManagementArgs>;
  sticky?: StickyArgs & { expiresSeconds: number };
  retry: { on: readonly string[]; tries: number; timeoutSeconds: number };
  keepalive: { connections: number; timeoutSeconds: number; requests: number };
  queue: { longestWaitSeconds: number };
  /** As declared: the name or address that clients use. */
  address?: string;
  /** Address in the mesh network that may read its counters there; absent where nothing watches the mesh. */
  scraper?: string;
  /** Whether a node is at its own host, by Docker's name for that; absent for none. */
  hostGateway?: true;
  /** Where clients reach it. */
  url: string;
  /** The same of all balancers of the mesh, sorted: what one serves the other does, too. */
  urls: readonly string[];
  /** Whether the host in that is the name of an ssh endpoint, which may be known to ssh alone. */
  urlBySsh: boolean;
}

/**
 * Decides all that concerns the balancers: the only one, or two that differ in where they run.
 *
 * @param networks what is known of those that are there
 * @throws RangeError when the mesh network has no room for the nodes in it, which parseMesh refuses
 */
export function planBalancers(
  name: string,
  config: MeshConfig,
  networks: KnownNetworks = { names: new Map(), gateways: [] },
): BalancerPlan[] {
  const { host = DEFAULT_ENGINE, hosts, address } = config.balancer ?? {};
  const { names, gateways } = networks;
  const network = (endpoint: string) => names.get(endpoint) ?? meshNetwork(name);
  const known = gateways.length > 0 ? { gateways } : {};
  if (!hosts) {
    const place = { endpoint: host, network: network(host), ...known };
    return withUrls([planBalancer(name, config, place, address)]);
  }
  const plans = hosts.map(({ host: endpoint, address, offline }, at) => {
    const virtualAddress = planVirtualAddress(name, config, at);
    const place = {
      ...{ endpoint, network: network(endpoint), key: engineKey(endpoint), ...known },
      ...(offline ? { offline } : {}),
      ...(virtualAddress ? { virtualAddress } : {}),
    };
    return planBalancer(name, config, place, address);
  });
  return withUrls(plans, address);
}

function planBalancer(
  name: string,
  config: MeshConfig,
  place: Pick<
    BalancerPlan,
    "endpoint" | "network" | "gateways" | "key" | "offline" | "virtualAddress"
  >,
  address: string | undefined,
): Omit<BalancerPlan, "urls"> {
  const {
    host: _host,
    hosts: _hosts,
    address: _address,
    virtualAddress: _virtualAddress,
    virtualRouterId: _virtualRouterId,
    keepalivedImage: _keepalivedImage,
    subnet = defaultSubnet(name),
    management,
    sticky,
    ...declared
  } = config.balancer ?? {};
  const attached = config.nodes.filter((node) => isAttached(node, meshEngine(config.balancer)));
  const { addresses, ...first } = declared.listen ?? {};
  const listen = {
    ...BALANCER.listen,
    ...first,
    ...(addresses ? { address: addresses[0]! } : {}),
    ...(addresses && addresses.length > 1 ? { addresses } : {}),
  };
  return {
    ...BALANCER,
    ...declared,
    ...place,
    container: balancerContainer(name),
    volume: configVolume(name),
    ...(declared.access?.apiKeys?.length && declared.routing !== Routing.Plain
      ? { usageVolume: usageVolume(name) }
      : {}),
    addresses: assignAddresses(
      subnet,
      attached.map((node) => node.name),
    ),
    listen,
    access: declared.access ?? {},
    routes: planRoutes(declared.routes),
    retry: planRetry(config),
    keepalive: { ...BALANCER.keepalive, ...declared.keepalive },
    queue: { ...BALANCER.queue, ...declared.queue },
    // A new front joins them only once nginx runs in it: a name that is not known yet must not stop that.
    ...(declared.networks && declared.resolver === undefined ? { resolver: DOCKER_DNS } : {}),
    ...(config.nodes.some(({ address: at }) => at === HOST_GATEWAY) ? { hostGateway: true } : {}),
    ...(config.monitoring ? { scraper: watcherAddress(subnet, "prometheus") } : {}),
    ...(management ? { management: { address: MANAGEMENT_ADDRESS, ...management } } : {}),
    ...(sticky ? { sticky: { expiresSeconds: STICKY_EXPIRES_SECONDS, ...sticky } } : {}),
    ...(address === undefined ? {} : { address }),
    ...clientsUrl(place.endpoint, listen, declared.tls, address),
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

function planRetry(config: MeshConfig): BalancerPlan["retry"] {
  const { profile = RETRY.profile, ...declared } = config.balancer?.retry ?? {};
  return { on: RETRY.conditions[profile], ...defaultTries(config), ...declared };
}

/**
 * The same balancer with another routing, as where its nginx cannot run the program.
 *
 * @param config that of the plan
 */
export const withRouting = (
  plan: BalancerPlan,
  config: MeshConfig,
  routing: Routing,
): BalancerPlan =>
  routing === plan.routing
    ? plan
    : {
        ...plan,
        routing,
        retry: planRetry({ ...config, balancer: { ...config.balancer, routing } }),
      };
