import { isIP, isIPv4 } from "node:net";
import type * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import {
  Algorithm,
  GpuVendor,
  type BalancerArgs,
  type GpuArgs,
  type ListenArgs,
  type KeepaliveArgs,
  type NodeArgs,
  type OllamaMeshArgs,
  type OllamaSettings,
  type RolloutArgs,
} from "./mesh-args.ts";

// The interfaces in mesh-args.ts are the source of truth (schema inference turns zod's types into
// "any"); each schema here is held to its interface by the compiler. Every error text completes
// the sentence "<path> ...": the value is added where the problems are written down.

const whole = (low: number, high: number) => {
  const error = `must be a whole number, ${low}-${high}`;
  return z.int({ error, abort: true }).min(low, error).max(high, error).exactOptional();
};
const flag = () => z.boolean("must be true or false").exactOptional();
const matching = (pattern: RegExp, error: string) => z.string(error).regex(pattern, error);
const oneOf = <T extends Record<string, string>>(values: T) =>
  z.enum(values, `must be one of ${Object.values(values).join(", ")}`).exactOptional();

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
/** No zone ("%eth0"), which nginx refuses, and no name that ends in a number: that is a mistyped address. */
const isAddress = (text: string) =>
  isIP(text) !== 0 ? !text.includes("%") : HOST_NAME.test(text) && !/(^|\.)\d+$/.test(text);

/** The name of a node and of a mesh: what Docker, DNS and nginx all accept. */
export const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;
/** Containers are named after mesh and node; this one is taken. */
const RESERVED = "balancer";
const ENGINE =
  /^(unix:\/\/\/[\w./-]{1,100}|ssh:\/\/(\w[\w.-]*@)?[A-Za-z0-9][\w.-]{0,252}(:\d{1,5})?|tcp:\/\/[A-Za-z0-9][\w.-]{0,252}:\d{1,5})$/;
/** Docker's reference grammar, in short: no spaces, no option-like start. */
const IMAGE = /^[a-z0-9][\w.:/-]{0,254}(@sha256:[0-9a-f]{64})?$/i;
/** Ollama's model names: [scheme://][host[:port]/][namespace/]model[:tag] */
export const MODEL = /^(https?:\/\/)?[a-z0-9][\w.:/-]{0,200}$/i;
/** Go's time.ParseDuration, and bare seconds, as Ollama reads them. */
const DURATION = /^(-?\d+|(\d+(\.\d+)?(ms|s|m|h))+)$/;

const engine = matching(
  ENGINE,
  "must be a Docker engine as unix:///path, ssh://user@host:port or tcp://host:port",
).exactOptional();
const image = matching(IMAGE, "must be an image as name:tag or name@sha256:digest").exactOptional();
const address = z
  .string("must be an IP address or host name")
  .refine(isAddress, "must be an IP address or host name, without scheme or port");
const ipAddress = z
  .string("must be an IP address")
  .refine((text) => isIP(text) !== 0, 'must be an IP address of the host; "0.0.0.0" is all of them')
  .exactOptional();
const duration = matching(DURATION, 'must be a duration as "5m" or "24h"').exactOptional();
const models = z
  .array(matching(MODEL, 'must be a model as "llama3.2:3b"'), "must be a list of model names")
  .exactOptional();

/** Parses "10.1.16.0/20"; undefined when it is no network of a size that fits. */
export function parseSubnet(text: string): { base: number; bits: number } | undefined {
  const [ip = "", mask = ""] = text.split("/");
  const bits = Number(mask);
  if (!isIPv4(ip) || !/^\d+$/.test(mask) || bits < 16 || bits > 24) return undefined;
  const base = ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return base % 2 ** (32 - bits) === 0 ? { base, bits } : undefined;
}

/** What nodes, balancer and the rest look like once every Input is known. */
export type Known<T> = pulumi.Unwrap<T>;
type Shape<T> = z.ZodType<Known<T>>;

const gpus: Shape<GpuArgs> = z.strictObject(
  {
    vendor: oneOf(GpuVendor),
    devices: z
      .array(
        matching(/^\w[\w./=:-]{0,254}$/, "must be an index, UUID or CDI name of a GPU"),
        "must be a list of GPUs",
      )
      .min(1, "must name at least one GPU; leave it out for all")
      .exactOptional(),
    groups: z
      .array(
        matching(/^\w[\w-]{0,31}$/, "must be a group's name or number"),
        "must be a list of groups",
      )
      .exactOptional(),
  },
  "must be an object as {vendor: nvidia}",
);

const ollama: Shape<OllamaSettings> = z.strictObject(
  {
    keepAlive: duration,
    numParallel: whole(1, 1024),
    contextLength: whole(1, 10_000_000),
    maxLoadedModels: whole(1, 1024),
    maxQueue: whole(1, 1_000_000),
    loadTimeout: duration,
    flashAttention: flag(),
    kvCacheType: z.enum(["f16", "q8_0", "q4_0"], "must be one of f16, q8_0, q4_0").exactOptional(),
    schedSpread: flag(),
    debug: flag(),
    environment: z
      .record(
        matching(/^[A-Za-z_]\w*$/, "must be the name of an environment variable"),
        z.string("must be a string"),
        "must be an object of names and strings",
      )
      .exactOptional(),
  },
  "must be an object as {keepAlive: 24h}",
);

/** Checks one node. */
export const nodeSchema: Shape<NodeArgs> = z.strictObject(
  {
    name: matching(NAME, 'must be lower-case letters, digits and "-", up to 40').refine(
      (name) => name !== RESERVED,
      `must not be "${RESERVED}", the load balancer's own`,
    ),
    host: engine,
    address: address.exactOptional(),
    port: whole(1, 65535),
    weight: whole(1, 1000),
    backup: flag(),
    maintenance: flag(),
    maxConnections: whole(0, 100_000),
    managed: flag(),
    gpus: gpus.exactOptional(),
    image,
    ollama: ollama.exactOptional(),
    models,
    memoryMiB: whole(64, 100_000_000),
    cpus: z.number("must be a number above 0").positive("must be a number above 0").exactOptional(),
  },
  "must be an object with at least a name",
);

const listen: Shape<ListenArgs> = z.strictObject(
  {
    address: ipAddress,
    port: whole(1, 65535),
  },
  "must be an object as {address: 0.0.0.0, port: 11434}",
);

const keepalive: Shape<KeepaliveArgs> = z.strictObject(
  {
    connections: whole(1, 10_000),
    timeoutSeconds: whole(1, 86_400),
  },
  "must be an object as {connections: 32}",
);

/** Checks the balancer. */
export const balancerSchema: Shape<BalancerArgs> = z.strictObject(
  {
    host: engine,
    image,
    listen: listen.exactOptional(),
    algorithm: oneOf(Algorithm),
    connectTimeoutSeconds: whole(1, 3600),
    readTimeoutSeconds: whole(1, 86_400),
    sendTimeoutSeconds: whole(1, 86_400),
    maxFails: whole(1, 1000),
    failTimeoutSeconds: whole(1, 86_400),
    tries: whole(1, 100),
    tryTimeoutSeconds: whole(1, 86_400),
    maxBodyMiB: whole(1, 102_400),
    keepalive: keepalive.exactOptional(),
    workers: whole(1, 256),
    subnet: z
      .string("must be an IPv4 network")
      .refine(
        (text) => parseSubnet(text),
        'must be an IPv4 network of /16 to /24 as "10.90.16.0/20"',
      )
      .exactOptional(),
  },
  "must be an object",
);

/** Checks how changes are rolled out. */
export const rolloutSchema: Shape<RolloutArgs> = z.strictObject(
  {
    maxUnavailable: whole(1, 1000),
    drainTimeoutSeconds: whole(0, 86_400),
    readyTimeoutSeconds: whole(1, 86_400),
    warmUp: flag(),
    minimumFreeGiB: z.number("must be a number").min(0, "must not be below 0").exactOptional(),
  },
  "must be an object",
);

/** Checks the whole mesh, field by field; what fields mean together is checked in mesh-config.ts. */
export const meshSchema: Shape<OllamaMeshArgs> = z.strictObject(
  {
    nodes: z
      .array(nodeSchema, "must be a list of nodes")
      .min(1, "must have at least one node")
      .max(500, "must have at most 500 nodes"),
    models,
    image,
    ollama: ollama.exactOptional(),
    balancer: balancerSchema.exactOptional(),
    rollout: rolloutSchema.exactOptional(),
  },
  "must be an object with a list of nodes",
);
