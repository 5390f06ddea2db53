import { isCdi } from "../config/cdi-device.ts";
import { OLLAMA, OLLAMA_PORT } from "../config/defaults.ts";
import type { GpuArgs, OllamaSettings, ServiceArgs } from "../config/node-args.ts";
import type { Known } from "../config/mesh-config.ts";

type Settings = Known<OllamaSettings>;

/** Which setting is which variable; source: Ollama, envconfig/config.go. */
const VARIABLES: Record<Exclude<keyof OllamaSettings, "environment">, string> = {
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

function gpuVariables({ vendor, devices }: GpuArgs): Record<string, string> {
  return {
    // Ollama's image asks for all of NVIDIA's GPUs, as many do, and a host whose default runtime is
    // nvidia's gives them to every container that asks. Source: NVIDIA container toolkit.
    ...(vendor !== "nvidia" || devices?.some(isCdi) ? { NVIDIA_VISIBLE_DEVICES: "void" } : {}),
    ...(vendor === "amd" && devices ? { ROCR_VISIBLE_DEVICES: devices.join(",") } : {}),
  };
}

const asLines = (variables: Record<string, string>) =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
