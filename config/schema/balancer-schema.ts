import { z } from "zod";
import {
  Algorithm,
  Health,
  RetryProfile,
  Routing,
  RouteSet,
  type AccessArgs,
  type BalancerArgs,
  type KeepaliveArgs,
  type LimitArgs,
  type ListenArgs,
  type ManagementArgs,
  type RetryArgs,
  type RouteArgs,
  type RoutesArgs,
} from "../balancer-args.ts";
import {
  address,
  basePath,
  dockerNetwork,
  engine,
  flag,
  image,
  ipAddress,
  matching,
  network,
  oneOf,
  serverAddress,
  urlPath,
  whole,
  type Shape,
} from "./patterns.ts";
import { overlap, parseIpNetwork } from "../net/ip-network.ts";
import { parseSubnet } from "../subnet.ts";
import { apiKey } from "./api-key-schema.ts";
import { queue, sticky } from "./choice-schema.ts";
import { log, tracing } from "./log-schema.ts";
import { addressInNetwork, balancerHosts } from "./balancer-hosts-schema.ts";
import { pools } from "./pools-schema.ts";
import { tls } from "./tls-schema.ts";

const listen: Shape<ListenArgs> = z.strictObject(
  {
    address: ipAddress.exactOptional(),
    addresses: z
      .array(ipAddress, "must be a list of IP addresses")
      .min(1, "must name an address; leave it out for 127.0.0.1")
      .exactOptional(),
    port: whole(1, 65535).exactOptional(),
  },
  "must be an object as {address: 0.0.0.0, port: 11434}",
);

const keepalive: Shape<KeepaliveArgs> = z.strictObject(
  {
    connections: whole(1, 10_000).exactOptional(),
    timeoutSeconds: whole(1, 86_400).exactOptional(),
    requests: whole(1, 10_000_000).exactOptional(),
  },
  "must be an object as {connections: 32}",
);

/** Source: nginx, proxy_next_upstream. */
export const RETRY_CONDITIONS = [
  "error",
  "timeout",
  "invalid_header",
  "http_500",
  "http_502",
  "http_503",
  "http_504",
  "http_403",
  "http_404",
  "http_429",
  "non_idempotent",
] as const;

const retry: Shape<RetryArgs> = z.strictObject(
  {
    profile: oneOf(RetryProfile).exactOptional(),
    on: z
      .array(
        z.enum(RETRY_CONDITIONS, `must be one of ${RETRY_CONDITIONS.join(", ")}`),
        "must be a list of conditions",
      )
      .min(1, "must name a condition; leave it out for the profile's")
      .exactOptional(),
    tries: whole(1, 100).exactOptional(),
    timeoutSeconds: whole(1, 86_400).exactOptional(),
  },
  "must be an object as {profile: strict}",
);

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

const route: Shape<RouteArgs> = z.strictObject(
  {
    path: urlPath,
    methods: z
      .array(z.enum(METHODS, `must be one of ${METHODS.join(", ")}`), "must be a list of methods")
      .min(1, "must name a method; leave it out for GET, HEAD and POST")
      .exactOptional(),
  },
  "must be an object as {path: /predict}",
);

const routes: Shape<RoutesArgs> = z.strictObject(
  {
    set: oneOf(RouteSet).exactOptional(),
    paths: z.array(route, "must be a list of paths").exactOptional(),
    upgrade: flag().exactOptional(),
  },
  "must be an object as {set: all}",
);

const management: Shape<ManagementArgs> = z.strictObject(
  {
    address: ipAddress.exactOptional(),
    port: whole(1, 65535),
  },
  "must be an object as {port: 11435}",
);

const limits: Shape<LimitArgs> = z.strictObject(
  {
    requestsPerMinute: whole(1, 1_000_000).exactOptional(),
    burst: whole(0, 1_000_000).exactOptional(),
    concurrent: whole(1, 1_000_000).exactOptional(),
  },
  "must be an object as {concurrent: 4}",
);

const access: Shape<AccessArgs> = z.strictObject(
  {
    // An empty list looks closed and would be open.
    apiKeys: z
      .array(apiKey, "must be a list of keys")
      .min(1, "must have a key; leave it out if whoever reaches the port may use the mesh")
      .exactOptional(),
    countTokens: flag().exactOptional(),
    allow: z
      .array(network, "must be a list of networks")
      .min(1, "must name a network; leave it out for all")
      .exactOptional(),
    deny: z.array(network, "must be a list of networks").exactOptional(),
    trustedProxies: z.array(network, "must be a list of networks").exactOptional(),
    corsOrigins: z
      .array(
        matching(
          /^(\*|(?=.{5,253}$)(?!.*\*.*\*)[a-z][a-z0-9+.-]{0,30}:\/\/(\[[0-9a-f:]+\]|[a-z0-9_.*-]*)(:(\d{1,5}|\*))?)$/,
          'must be an origin as "https://chat.example.org", "app://*" or "https://*.example.org", in lower case and without a slash at its end; or "*"',
        ),
        "must be a list of origins",
      )
      .exactOptional(),
    limits: limits.exactOptional(),
  },
  "must be an object",
);

/** Networks without machines: Docker makes one all the same, and starts no container in it, or none that others reach. */
const NO_MACHINES = ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4"];

/** Checks the balancer. */
export const balancerSchema: Shape<BalancerArgs> = z.strictObject(
  {
    host: engine.exactOptional(),
    hosts: balancerHosts.exactOptional(),
    virtualAddress: addressInNetwork.exactOptional(),
    virtualRouterId: whole(1, 255).exactOptional(),
    keepalivedImage: image.exactOptional(),
    image: image.exactOptional(),
    listen: listen.exactOptional(),
    address: address.exactOptional(),
    tls: tls.exactOptional(),
    access: access.exactOptional(),
    basePath: basePath.exactOptional(),
    pools: pools.exactOptional(),
    routes: routes.exactOptional(),
    management: management.exactOptional(),
    routing: oneOf(Routing).exactOptional(),
    algorithm: oneOf(Algorithm).exactOptional(),
    hashKey: matching(
      /^(uri|client|header:[A-Za-z][A-Za-z0-9-]{0,60}|(cookie|argument):[A-Za-z]\w{0,60})$/,
      "must be uri, client, header:NAME, cookie:NAME or argument:NAME",
    ).exactOptional(),
    sticky: sticky.exactOptional(),
    health: oneOf(Health).exactOptional(),
    closeOnFailure: flag().exactOptional(),
    queue: queue.exactOptional(),
    retry: retry.exactOptional(),
    connectTimeoutSeconds: whole(1, 3600).exactOptional(),
    readTimeoutSeconds: whole(1, 86_400).exactOptional(),
    sendTimeoutSeconds: whole(1, 86_400).exactOptional(),
    maxFails: whole(0, 1000).exactOptional(),
    failTimeoutSeconds: whole(1, 86_400).exactOptional(),
    maxBodyMib: whole(0, 102_400).exactOptional(),
    keepalive: keepalive.exactOptional(),
    log: log.exactOptional(),
    tracing: tracing.exactOptional(),
    nodeHeader: flag().exactOptional(),
    resolver: serverAddress.exactOptional(),
    workers: whole(1, 256).exactOptional(),
    networks: z.array(dockerNetwork, "must be a list of Docker networks").exactOptional(),
    subnet: z
      .string("must be an IPv4 network")
      .refine((text) => parseSubnet(text), {
        error: 'must be an IPv4 network of /16 to /24 as "10.90.16.0/20"',
        abort: true,
      })
      .refine(
        (text) => !NO_MACHINES.some((each) => overlap(parseSubnet(text)!, parseIpNetwork(each)!)),
        'must be a network whose addresses machines may have, as "10.90.16.0/20"',
      )
      .exactOptional(),
  },
  "must be an object",
);
