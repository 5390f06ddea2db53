import { cpusText, isReadBack } from "../cpus.ts";
import { z } from "zod";
import {
  type GpuArgs,
  GpuVendor,
  type MountArgs,
  NodeAccess,
  NodeApi,
  type NodeArgs,
  type NodeTlsArgs,
  type OllamaSettings,
  type ProbeArgs,
  type ServiceArgs,
  ServiceIpc,
} from "../node-args.ts";
import { deviceForm } from "../gpu-device.ts";
import { BALANCER_NAME } from "../names.ts";
import {
  type Shape,
  anyText,
  certificates,
  engine,
  flag,
  hostName,
  image,
  matching,
  nodeAddress,
  oneOf,
  healthPath,
  urlPath,
  whole,
} from "./patterns.ts";

// The interfaces of the arguments are the source of truth (schema inference turns zod's types into
// "any"); each schema here is held to its interface by the compiler.

/** The name of a node and of a mesh: what Docker, DNS and nginx all accept. */
export const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** [[[scheme://]host[:port]/]namespace/]model[:tag]. Source: Ollama, types/model/name.go, ParseNameBare and isValidPart. */
const MODEL =
  /^(?=[a-z0-9].{0,207}$)(((https?:\/\/)?\w[\w.:-]*\/)?\w[\w-]{0,79}\/)?\w[\w.-]{0,79}(:\w[\w.-]{0,79})?$/i;

export const model = z.string('must be a model as "llama3.2:3b"').superRefine((name, context) => {
  if (MODEL.test(name)) return;
  const message = name.includes("@")
    ? "must be a model by its tag: Ollama pulls none by digest"
    : /^(https?:\/\/)?\[/.test(name)
      ? "must have its registry by name or IPv4 address: Ollama takes no IPv6 address in a model's name"
      : name.includes("/")
        ? 'must be a model as "llama3.2:3b", "team/tiny:v1" or, with its registry, "registry.lan:5000/team/tiny:v1"'
        : 'must be a model as "llama3.2:3b"';
  context.addIssue({ code: "custom", message });
});

/** Go's time.ParseDuration, and bare seconds, as Ollama reads them. */
const DURATION = /^(-?\d+|(\d+(\.\d+)?(ms|s|m|h))+)$/;

const duration = matching(DURATION, 'must be a duration as "5m" or "24h"').exactOptional();

export const models = z.array(model, "must be a list of model names").exactOptional();

const DEVICE = "must be an index, UUID, MIG id, CDI name or path of a GPU";

const gpus: Shape<GpuArgs> = z.strictObject(
  {
    vendor: oneOf(GpuVendor).exactOptional(),
    devices: z
      .array(
        z
          .string(DEVICE)
          .refine((device) => deviceForm(device) !== undefined, `${DEVICE}, one per entry`),
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
    runtime: matching(/^\w[\w.-]{0,62}$/, 'must be a runtime as "nvidia"').exactOptional(),
    minimumPercent: whole(0, 100).exactOptional(),
  },
  "must be an object as {vendor: nvidia}",
);

const environment = z
  .record(
    matching(/^[A-Za-z_]\w*$/, "must be the name of an environment variable"),
    anyText("must be a string"),
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

const probe: Shape<ProbeArgs> = z.strictObject(
  {
    path: urlPath,
    body: anyText("must be text").max(4096, "must be 4096 characters at most").exactOptional(),
    expect: anyText("must be text").min(1, "must be text; leave it out for any").exactOptional(),
  },
  "must be an object as {path: /v1/completions, body: ...}",
);

const service: Shape<ServiceArgs> = z.strictObject(
  {
    port: whole(1, 65535),
    healthPath: healthPath.exactOptional(),
    user: matching(
      /^[\w][\w.-]{0,31}(:[\w][\w.-]{0,31})?$/,
      'must be a user as "1000:1000" or "app"',
    ).exactOptional(),
    sharedMemoryMib: whole(1, 100_000_000).exactOptional(),
    ipc: oneOf(ServiceIpc).exactOptional(),
    command: z.array(anyText("must be a string"), "must be a list of words").exactOptional(),
    environment,
    mounts: z.array(mount, "must be a list of mounts").exactOptional(),
    writable: flag().exactOptional(),
    probe: probe.exactOptional(),
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
    caCertificate: certificates("must be certificates in PEM").exactOptional(),
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

/** A token of RFC 6750, and the few other characters that makers of keys use. */
export const nodeKey = matching(
  /^[A-Za-z0-9._~+/=:|-]{1,2048}$/,
  "must be a key of letters, digits and ._~+/=:|-",
);

/** Source: Docker, --cpus: with less no container starts. */
const CPUS = "must be a number, 0.01 at least";

/** Checks one node. */
export const nodeSchema: Shape<NodeArgs> = z.strictObject(
  {
    name: matching(NAME, 'must be lower-case letters, digits and "-", up to 40').refine(
      (name) => name !== BALANCER_NAME,
      `must not be "${BALANCER_NAME}", the load balancer's own`,
    ),
    host: engine.exactOptional(),
    address: nodeAddress.exactOptional(),
    port: whole(1, 65535).exactOptional(),
    access: oneOf(NodeAccess).exactOptional(),
    pool: matching(NAME, "must be the name of a pool").exactOptional(),
    places: whole(1, 10_000).exactOptional(),
    weight: whole(1, 1000).exactOptional(),
    backup: flag().exactOptional(),
    maintenance: flag().exactOptional(),
    drain: flag().exactOptional(),
    offline: flag().exactOptional(),
    maxConnections: whole(0, 100_000).exactOptional(),
    managed: flag().exactOptional(),
    tls: nodeTls.exactOptional(),
    api: oneOf(NodeApi).exactOptional(),
    apiKey: nodeKey.exactOptional(),
    service: service.exactOptional(),
    gpus: gpus.exactOptional(),
    image: image.exactOptional(),
    ollama: ollamaSchema.exactOptional(),
    models,
    modelsPath: matching(ABSOLUTE, "must be an absolute path of the host").exactOptional(),
    memoryMib: whole(64, 100_000_000).exactOptional(),
    cpus: z
      .number(CPUS)
      .min(0.01, CPUS)
      .refine(isReadBack, {
        error: ({ input }) =>
          `must be a number that Pulumi's docker provider reads back, or each up replaces the container; it would read ${cpusText(Number(input))}`,
      })
      .exactOptional(),
  },
  "must be an object with at least a name",
);
