import { readFileSync } from "node:fs";
import { verdictSource } from "../../plan/verdict-source.ts";
import { cpusText } from "../../config/cpus.ts";
import { OLLAMA_PORT } from "../../config/defaults.ts";
import { areAll } from "../../config/gpu-device.ts";
import { hardenedContainer } from "./hardened-container.ts";
import { judgesFile, modelVolume } from "../../config/names.ts";
import { MODELS_FOLDER, OLLAMA_FOLDER } from "../../steps/models/model-store.ts";
import type { ContainerPlan, NodePlan, ServicePlan } from "../../plan/node-plan.ts";
import type { MeshPlan } from "../../plan/mesh-plan.ts";
import type { MountArgs } from "../../config/node-args.ts";

/** Seconds that Ollama gets to stop; it has no request left by then. */
const STOP_SECONDS = 10;

/**
 * What the docker provider is told of a node's container. Pure, and plain values only.
 * Lists stand in the order in which the provider reads them back, or every `up` would show a change.
 *
 * @throws RangeError for a node without a container: a mistake of ours
 */
export function nodeContainerArgs(mesh: MeshPlan, node: NodePlan, environment: string[]) {
  const container = node.container;
  if (!container) throw new RangeError(`node ${node.name} has no container`);
  return {
    name: container.name,
    image: container.image,
    envs: environment,
    ...reachedBy(mesh, container),
    ...gpuAccess(container.gpus),
    ...limits(container),
    ...(container.service ? serviceProgram(container.service) : ollamaProgram(mesh, node)),
    ...hardenedContainer(mesh.name, node.name, STOP_SECONDS),
    // A folder of the host may belong to anybody, and what it holds, too.
    ...(container.modelsPath === undefined
      ? {}
      : { capabilities: { adds: ["CAP_DAC_OVERRIDE"], drops: ["ALL"] } }),
  };
}

/**
 * What the provider takes no notice of when it is taken away, since Docker fills in what is not declared: a change of
 * this text replaces the container.
 */
export function filledIn({ service, gpus }: ContainerPlan): string {
  const { command, user, sharedMemoryMib, ipc } = service ?? {};
  return [
    // The other way round, so that no container with a command was replaced when this came to be.
    ...(service && !command ? ["command of the image"] : []),
    ...(user ? ["user"] : []),
    ...(sharedMemoryMib ? ["shared memory"] : []),
    ...(ipc ? ["ipc"] : []),
    ...(gpus.runtime ? ["runtime"] : []),
  ].join(", ");
}

function ollamaProgram(mesh: MeshPlan, node: NodePlan) {
  const { modelsPath } = node.container ?? {};
  return {
    volumes: [
      { volumeName: modelVolume(mesh.name), containerPath: OLLAMA_FOLDER },
      ...(modelsPath === undefined ? [] : [{ hostPath: modelsPath, containerPath: MODELS_FOLDER }]),
    ],
    readOnly: true,
    healthcheck: restartingItself(mesh, node) ?? {
      // For people who look at `docker ps`; what decides about traffic is the ready gate.
      tests: ["CMD", "/bin/ollama", "ps"],
      interval: "15s",
      timeout: "5s",
      retries: 3,
      startPeriod: "10s",
    },
  };
}

/** Of a node that can ask the balancer what that holds of it: see node-health.sh. */
function restartingItself({ balancer }: MeshPlan, node: NodePlan) {
  if (!verdictSource(balancer, node)) return undefined;
  return {
    tests: ["CMD", "bash", "-c", HEALTH, "bash", node.name, judgesFile(node.name)],
    interval: "10s",
    // Three questions: of the lists, of the balancer, and for a token.
    timeout: "30s",
    retries: 3,
    startPeriod: "10s",
  };
}

/** Without comments: a better one must replace nobody's container. */
const HEALTH = readFileSync(new URL("node-health.sh", import.meta.url), "utf8").replace(
  /^ *(#.*)?\n/gm,
  "",
);

/** Its image may have a health check of its own for `docker ps`; nobody knows what else is in it. */
function serviceProgram(service: ServicePlan) {
  const { command, user, sharedMemoryMib, ipc, mounts, writable } = service;
  return {
    ...(command ? { command } : {}),
    ...(user ? { user } : {}),
    ...(sharedMemoryMib ? { shmSize: sharedMemoryMib } : {}),
    ...(ipc ? { ipcMode: ipc } : {}),
    ...(mounts.length > 0 ? { volumes: mounts.map(volume) } : {}),
    readOnly: !writable,
  };
}

const volume = ({ source, path, readOnly }: Required<MountArgs>) => ({
  ...(source.startsWith("/") ? { hostPath: source } : { volumeName: source }),
  containerPath: path,
  ...(readOnly ? { readOnly } : {}),
});

/** A network with its guard, a fixed address in the mesh network, or a port of the host. */
function reachedBy(mesh: MeshPlan, { meshAddress, publish, service, guard }: ContainerPlan) {
  if (guard) return { networksAdvanced: [{ name: guard }] };
  if (meshAddress) {
    return { networksAdvanced: [{ name: mesh.balancer.network, ipv4Address: meshAddress }] };
  }
  return publish
    ? {
        ports: [{ ip: publish.ip, external: publish.port, internal: service?.port ?? OLLAMA_PORT }],
      }
    : {};
}

/** Swap on top of the limit would let a model crawl instead of failing. */
function limits({ memoryMiB, cpus }: ContainerPlan) {
  return {
    ...(memoryMiB === undefined ? {} : { memory: memoryMiB, memorySwap: memoryMiB }),
    ...(cpus === undefined ? {} : { cpus: cpusText(cpus) }),
  };
}

/**
 * Several ids only through deviceRequests: the provider takes `gpus: "device=0,1"` apart wrongly.
 * Source: Docker, --gpus and --device; Ollama, docs/docker.mdx.
 */
function gpuAccess({ vendor, devices, groups, runtime }: ContainerPlan["gpus"]) {
  if (devices && areAll(devices, "CDI")) {
    return {
      deviceRequests: [{ driver: "cdi", deviceIds: devices }],
      ...(groups ? { groupAdds: groups } : {}),
    };
  }
  if (vendor === "nvidia" && runtime) return { runtime };
  if (vendor === "nvidia" && !devices) return { gpus: "all" };
  if (vendor === "nvidia" && devices) {
    return {
      deviceRequests: [{ driver: "nvidia", deviceIds: devices, capabilities: ["gpu"] }],
    };
  }
  if (vendor === "amd" || vendor === "vulkan") {
    const paths = areAll(devices, "path") ? devices! : ["/dev/dri"];
    const device = (hostPath: string) => ({
      hostPath,
      containerPath: hostPath,
      permissions: "rwm",
    });
    return {
      devices: [...paths, ...(vendor === "amd" ? ["/dev/kfd"] : [])].toSorted().map(device),
      groupAdds: groups ?? ["video"],
    };
  }
  return {};
}
