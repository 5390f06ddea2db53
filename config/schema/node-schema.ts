import { cpusText, isReadBack } from "../cpus.ts";
import { z } from "zod";
import {
  type GpuArgs,
  GpuVendor,
  type MountArgs,
  NodeAccess,
  type NodeArgs,
  type NodeTlsArgs,
  type OllamaSettings,
  type ServiceArgs,
} from "../node-args.ts";
import { BALANCER_NAME } from "../names.ts";
import {
  type Shape,
  address,
  certificates,
  engine,
  flag,
  hostName,
  image,
  matching,
  oneOf,
  urlPath,
  whole,
} from "./patterns.ts";

// The interfaces of the arguments are the source of truth (schema inference turns zod's types into
// "any"); each schema here is held to its interface by the compiler.

/** The name of a node and of a mesh: what Docker, DNS and nginx all accept. */
export const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** Ollama's model names: [scheme://][host[:port]/][namespace/]model[:tag] */
const MODEL = /^(https?:\/\/)?[a-z0-9][\w.:/-]{0,200}$/i;

/** Go's time.ParseDuration, and bare seconds, as Ollama reads them. */
const DURATION = /^(-?\d+|(\d+(\.\d+)?(ms|s|m|h))+)$/;

const duration = matching(DURATION, 'must be a duration as "5m" or "24h"').exactOptional();

export const models = z
  .array(matching(MODEL, 'must be a model as "llama3.2:3b"'), "must be a list of model names")
  .exactOptional();

const gpus: Shape<GpuArgs> = z.strictObject(
  {
    vendor: oneOf(GpuVendor).exactOptional(),
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
    minimumPercent: whole(0, 100).exactOptional(),
  },
  "must be an object as {vendor: nvidia}",
);

const environment = z
  .record(
    matching(/^[A-Za-z_]\w*$/, "must be the name of an environment variable"),
    z.string("must be a string"),
    "must be an object of names and strings",
  )
  .exactOptional();

const ABSOLUTE = /^\/[^\0:,]{1,250}$/;

const mount: Shape<MountArgs> = z.strictObject(
  {
    source: matching(
      /^(\/[^\0:,]{0,250}|[a-zA-Z0-9][\w.-]{1,100})$/,
      "must be an absolute path of the host or the name of a volume",
    ),
    path: matching(ABSOLUTE, "must be an absolute path inside the container"),
    readOnly: flag().exactOptional(),
  },
  "must be an object as {source: hf-cache, path: /root/.cache/huggingface}",
);

const service: Shape<ServiceArgs> = z.strictObject(
  {
    port: whole(1, 65535),
    healthPath: urlPath.exactOptional(),
    command: z.array(z.string("must be a string"), "must be a list of words").exactOptional(),
    environment,
    mounts: z.array(mount, "must be a list of mounts").exactOptional(),
    writable: flag().exactOptional(),
  },
  "must be an object as {port: 8000}",
);

export const ollamaSchema: Shape<OllamaSettings> = z.strictObject(
  {
    keepAlive: duration,
    numParallel: whole(1, 1024).exactOptional(),
    contextLength: whole(1, 10_000_000).exactOptional(),
    maxLoadedModels: whole(1, 1024).exactOptional(),
    maxQueue: whole(1, 1_000_000).exactOptional(),
    loadTimeout: duration,
    flashAttention: flag().exactOptional(),
    kvCacheType: z.enum(["f16", "q8_0", "q4_0"], "must be one of f16, q8_0, q4_0").exactOptional(),
    schedSpread: flag().exactOptional(),
    debug: flag().exactOptional(),
    environment,
  },
  "must be an object as {keepAlive: 24h}",
);

const nodeTls: Shape<NodeTlsArgs> = z.strictObject(
  {
    serverName: hostName.exactOptional(),
    caCertificate: certificates("must be certificates in PEM").exactOptional(),
  },
  "must be an object as {serverName: ollama.example.org}",
);

/** Checks one node. */
export const nodeSchema: Shape<NodeArgs> = z.strictObject(
  {
    name: matching(NAME, 'must be lower-case letters, digits and "-", up to 40').refine(
      (name) => name !== BALANCER_NAME,
      `must not be "${BALANCER_NAME}", the load balancer's own`,
    ),
    host: engine.exactOptional(),
    address: address.exactOptional(),
    port: whole(1, 65535).exactOptional(),
    access: oneOf(NodeAccess).exactOptional(),
    weight: whole(1, 1000).exactOptional(),
    backup: flag().exactOptional(),
    maintenance: flag().exactOptional(),
    drain: flag().exactOptional(),
    offline: flag().exactOptional(),
    maxConnections: whole(0, 100_000).exactOptional(),
    managed: flag().exactOptional(),
    tls: nodeTls.exactOptional(),
    service: service.exactOptional(),
    gpus: gpus.exactOptional(),
    image: image.exactOptional(),
    ollama: ollamaSchema.exactOptional(),
    models,
    memoryMiB: whole(64, 100_000_000).exactOptional(),
    cpus: z
      .number("must be a number above 0")
      .positive("must be a number above 0")
      .refine(isReadBack, {
        error: ({ input }) =>
          `must be a number that Pulumi's docker provider reads back, or each up replaces the container; it would read ${cpusText(Number(input))}`,
      })
      .exactOptional(),
  },
  "must be an object with at least a name",
);
