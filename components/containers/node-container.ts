import { cpusText } from "../../config/cpus.ts";
import { OLLAMA_PORT } from "../../config/defaults.ts";
import { isCdi } from "../../config/cdi-device.ts";
import { hardenedContainer } from "./hardened-container.ts";
import { modelVolume } from "../../config/names.ts";
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
    ...(container.service ? serviceProgram(container.service) : ollamaProgram(mesh)),
    ...hardenedContainer(mesh.name, node.name, STOP_SECONDS),
  };
}

function ollamaProgram(mesh: MeshPlan) {
  return {
    volumes: [{ volumeName: modelVolume(mesh.name), containerPath: "/root/.ollama" }],
    readOnly: true,
    // For people who look at `docker ps`; what decides about traffic is the ready gate.
    healthcheck: {
      tests: ["CMD", "/bin/ollama", "ps"],
      interval: "15s",
      timeout: "5s",
      retries: 3,
      startPeriod: "10s",
    },
  };
}

/** Its image may have a health check of its own for `docker ps`; nobody knows what else is in it. */
function serviceProgram({ command, mounts, writable }: ServicePlan) {
  return {
    ...(command ? { command } : {}),
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
function gpuAccess({ vendor, devices, groups }: ContainerPlan["gpus"]) {
  if (vendor === "nvidia" && !devices) return { gpus: "all" };
  if (vendor === "nvidia" && devices) {
    const cdi = devices.every(isCdi);
    return {
      deviceRequests: [
        cdi
          ? { driver: "cdi", deviceIds: devices }
          : { driver: "nvidia", deviceIds: devices, capabilities: ["gpu"] },
      ],
    };
  }
  if (vendor === "amd") {
    const device = (hostPath: string) => ({
      hostPath,
      containerPath: hostPath,
      permissions: "rwm",
    });
    return {
      devices: [device("/dev/dri"), device("/dev/kfd")],
      groupAdds: groups ?? ["video"],
    };
  }
  return {};
}
