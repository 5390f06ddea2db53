import { OLLAMA, OLLAMA_PORT } from "../config/defaults.ts";
import { areAll } from "../config/gpu-device.ts";
import type { GpuArgs, OllamaSettings, ServiceArgs } from "../config/node-args.ts";
import type { Known } from "../config/mesh-config.ts";

type Settings = Known<OllamaSettings>;

/** Which setting is which variable; source: Ollama, envconfig/config.go. */
const VARIABLES: Record<Exclude<keyof OllamaSettings, "environment" | "caCertificate">, string> = {
  keepAlive: "OLLAMA_KEEP_ALIVE",
  numParallel: "OLLAMA_NUM_PARALLEL",
  contextLength: "OLLAMA_CONTEXT_LENGTH",
  maxLoadedModels: "OLLAMA_MAX_LOADED_MODELS",
  maxQueue: "OLLAMA_MAX_QUEUE",
  loadTimeout: "OLLAMA_LOAD_TIMEOUT",
  flashAttention: "OLLAMA_FLASH_ATTENTION",
  kvCacheType: "OLLAMA_KV_CACHE_TYPE",
  schedSpread: "OLLAMA_SCHED_SPREAD",
  debug: "OLLAMA_DEBUG",
};

/** What downloads of models need to get through a company's proxy. */
export interface PullSettings {
  /** Beside the public ones, in PEM. */
  caCertificate?: string;
  /** By name. */
  environment?: Record<string, string>;
}

const PROXY_VARIABLE = /^(https?|no|all)_proxy$/i;

/** Whether any is declared. */
export const hasPullSettings = ({ caCertificate, environment = {} }: OllamaSettings): boolean =>
  caCertificate !== undefined || Object.keys(environment).some((name) => PROXY_VARIABLE.test(name));

/** Those of several settings, each over the one before. */
export function pullSettings(all: readonly Settings[]): PullSettings {
  const { caCertificate } = Object.assign({}, ...all) as Settings;
  const environment = Object.assign({}, ...all.map((each) => each.environment)) as Record<
    string,
    string
  >;
  const proxies = Object.entries(environment).filter(([name]) => PROXY_VARIABLE.test(name));
  return {
    ...(caCertificate === undefined ? {} : { caCertificate }),
    ...(proxies.length > 0 ? { environment: Object.fromEntries(proxies) } : {}),
  };
}

/**
 * The environment of a node's container as NAME=value, sorted by name: what the mesh needs, then the
 * mesh's settings, then the node's, then their `environment`, each over the one before.
 */
export function ollamaEnvironment(mesh: Settings, node: Settings, gpus: GpuArgs): string[] {
  const settings = { ...OLLAMA, ...mesh, ...node };
  const variables: Record<string, string> = {
    OLLAMA_HOST: `0.0.0.0:${OLLAMA_PORT}`,
    // Ollama deletes partly downloaded models older than an hour at each start, which a restart
    // during a long download must not do.
    OLLAMA_NOPRUNE: "1",
    // Ollama would pass requests for "-cloud" models on to its maker.
    OLLAMA_NO_CLOUD: "1",
  };
  Object.assign(variables, gpuVariables(gpus));
  // Ollama tries Vulkan only when it is told to. Source: Ollama, envconfig/config.go.
  if (gpus.vendor === "vulkan") variables["OLLAMA_VULKAN"] = "1";
  for (const [setting, variable] of Object.entries(VARIABLES)) {
    const value = settings[setting as keyof typeof VARIABLES];
    if (value !== undefined) {
      variables[variable] = typeof value === "boolean" ? String(Number(value)) : String(value);
    }
  }
  Object.assign(variables, mesh.environment, node.environment);
  return asLines(variables);
}

/** The environment of a service's container: what it declares, and which GPUs it may see. */
export function serviceEnvironment({ environment }: Known<ServiceArgs>, gpus: GpuArgs): string[] {
  return asLines({ ...gpuVariables(gpus), ...environment });
}

function gpuVariables({ vendor, devices, runtime }: GpuArgs): Record<string, string> {
  const [byCdi, byPath] = [areAll(devices, "CDI"), areAll(devices, "path")];
  const named = devices && !byCdi && !byPath ? devices.join(",") : undefined;
  if (vendor === "nvidia" && runtime) return { NVIDIA_VISIBLE_DEVICES: named ?? "all" };
  return {
    // Ollama's image asks for all of NVIDIA's GPUs, as many do, and a host whose default runtime is
    // nvidia's gives them to every container that asks. Source: NVIDIA container toolkit.
    ...(vendor !== "nvidia" || byCdi ? { NVIDIA_VISIBLE_DEVICES: "void" } : {}),
    ...(vendor === "amd" && named ? { ROCR_VISIBLE_DEVICES: named } : {}),
    ...(vendor === "vulkan" && named ? { GGML_VK_VISIBLE_DEVICES: named } : {}),
  };
}

const asLines = (variables: Record<string, string>) =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
