import { isIP } from "node:net";
import { posix } from "node:path";
import { DEFAULT_ENGINE } from "../defaults.ts";
import { TAKEN_FORMS, deviceForm } from "../gpu-device.ts";
import { type NodeConfig, isAttached, meshEngine } from "../mesh-config.ts";
import { parseEndpoint } from "../net/engine-endpoint.ts";
import type { GpuVendor, MountArgs } from "../node-args.ts";
import { type Problem, show } from "../problems.ts";
import { nodeEnvironmentProblems } from "./environment-problems.ts";
import { outOfReachProblems } from "./reach-problems.ts";
import type { IndexedNode, WellFormed } from "./well-formed.ts";

/** What the fields of one node allow one by one but together can't work, or would hurt. */
export function nodeProblems({ at, node }: IndexedNode, mesh: WellFormed): Problem[] {
  const engine = meshEngine(mesh.balancer);
  return [
    ...unmanagedProblems(node),
    ...reachProblems(node, engine),
    ...attachedProblems(node, engine),
    ...nodeTlsProblems(node),
    ...nodeApiProblems(node),
    ...serviceProblems(node),
    ...gpuProblems(node, mesh.rollout),
    ...nodeEnvironmentProblems(node),
  ].map(({ path, text }) => ({ path: `nodes[${at}].${path}`, text }));
}

/** Fields that make or shape a container. */
const OF_CONTAINERS = [
  ...(["host", "access", "service", "gpus", "image"] as const),
  ...(["ollama", "models", "modelsPath", "memoryMib", "cpus"] as const),
];

/** Of a node that the mesh does not run it must know the address, and nothing else has an effect. */
function unmanagedProblems(node: NodeConfig): Problem[] {
  if (node.managed !== false) return [];
  const missing = "is missing; a node that is not managed is reached by its address only";
  const idle = "has no effect on a node with managed: false; leave one of them out";
  return [
    ...(node.address === undefined ? [{ path: "address", text: missing }] : []),
    ...declared(node, OF_CONTAINERS).map((path) => ({ path, text: idle })),
  ];
}

/** The name of an ssh or tcp endpoint is an address as well; a socket has none. */
function reachProblems(node: NodeConfig, attaching: string | undefined): Problem[] {
  const engine = node.host ?? DEFAULT_ENGINE;
  if (node.address !== undefined) return outOfReachProblems(node, node.address, "address");
  if (node.managed === false || engine === attaching) return [];
  const { kind, host = "" } = parseEndpoint(engine) ?? {};
  if (kind !== "unix") return outOfReachProblems(node, host, "host");
  const text = `is missing; from ${engine} the balancer's engine cannot tell how to reach the node`;
  return [{ path: "address", text }];
}

/** In the mesh network there is nothing to publish. */
function attachedProblems(node: NodeConfig, attaching: string | undefined): Problem[] {
  if (!isAttached(node, attaching)) return [];
  const where = "has no effect on the balancer's own engine, where a node is in the mesh network";
  return [
    ...(node.port === undefined ? [] : [{ path: "port", text: `${where}; leave it out` }]),
    ...(node.access === undefined
      ? []
      : [{ path: "access", text: `${where} and not published; leave it out` }]),
  ];
}

function nodeTlsProblems({ tls, managed, address }: NodeConfig): Problem[] {
  if (!tls) return [];
  if (managed !== false) {
    const text =
      "is for nodes with managed: false: Ollama itself speaks no TLS; leave it out, or set access: balancerOnly";
    return [{ path: "tls", text }];
  }
  if (tls.serverName !== undefined || isIP(address ?? "") === 0) return [];
  const text = `is missing; nginx verifies a certificate by its name, and the address is ${address}`;
  return [{ path: "tls.serverName", text }];
}

/** What the mesh runs is known; of that, services alone may ask for keys. */
function nodeApiProblems({ api, apiKey, managed, service }: NodeConfig): Problem[] {
  if (managed === false) return [];
  const known = "is for nodes with managed: false: what the mesh runs is known to it; leave it out";
  const keyless =
    "is for nodes with managed: false and for services: Ollama itself asks for no key; leave it out, or set access: balancerOnly";
  return [
    ...(api === undefined ? [] : [{ path: "api", text: known }]),
    ...(apiKey === undefined || service ? [] : [{ path: "apiKey", text: keyless }]),
  ];
}

function serviceProblems(node: NodeConfig): Problem[] {
  if (!node.service || node.managed === false) return [];
  const missing = "is missing; the mesh's image is Ollama, which a service is not";
  const idle = "is for Ollama and has no effect on a service; leave one of them out";
  const asked = "is asked of Ollama only; leave it out for a service";
  const shared =
    "has no effect with ipc host, where all of the host's is there; leave one of them out";
  const { ipc, sharedMemoryMib } = node.service;
  return [
    ...(ipc === "host" && sharedMemoryMib !== undefined
      ? [{ path: "service.sharedMemoryMib", text: shared }]
      : []),
    ...(node.image === undefined ? [{ path: "image", text: missing }] : []),
    ...declared(node, ["ollama", "models", "modelsPath"]).map((path) => ({ path, text: idle })),
    ...(node.gpus?.minimumPercent === undefined
      ? []
      : [{ path: "gpus.minimumPercent", text: asked }]),
    ...mountProblems(node.service.mounts),
  ];
}

/** Docker mounts one thing at a place, and finds out that there are two when it makes the container. */
function mountProblems(mounts: readonly MountArgs[] = []): Problem[] {
  const places = mounts.map(({ path }) => posix.join(path, "."));
  return places.flatMap((place, at): Problem[] => {
    const first = places.indexOf(place);
    const text =
      place === "/"
        ? "must be a folder or file below /, which is the image itself"
        : place === "/tmp"
          ? "must be another path: the container has a /tmp of its own, in memory, which may be written"
          : first < at
            ? `must be unique, but service.mounts[${first}] is there already`
            : undefined;
    if (text === undefined) return [];
    const path = `service.mounts[${at}].path`;
    return [{ path, text: `${text}, got ${show(mounts[at]!.path)}` }];
  });
}

function gpuProblems({ gpus = {} }: NodeConfig, { warmUp }: WellFormed["rollout"]): Problem[] {
  const { vendor = "none", devices = [], groups, runtime, minimumPercent } = gpus;
  const problems: Problem[] = [];
  const add = (field: string, text: string) => problems.push({ path: `gpus.${field}`, text });
  const forms = new Set(devices.map(deviceForm));
  if (["CDI", "path"].some((form) => forms.has(form as never)) && forms.size > 1)
    add("devices", "must be all CDI names, all paths, or all indexes and UUIDs");
  if (vendor === "none" && gpus.devices) add("devices", NEEDS_VENDOR);
  if (groups && vendor !== "amd" && vendor !== "vulkan")
    add("groups", 'is for gpus.vendor "amd" and "vulkan" only');
  if (vendor !== "none")
    devices.forEach((device, at) => {
      const text = deviceProblem(vendor, device);
      if (text) add(`devices[${at}]`, text);
    });
  if (runtime !== undefined && vendor !== "nvidia")
    add("runtime", 'is for gpus.vendor "nvidia" only');
  if (runtime !== undefined && forms.has("CDI"))
    add("runtime", "has no effect on CDI names; leave one of them out");
  if (minimumPercent !== undefined && vendor === "none") add("minimumPercent", NEEDS_VENDOR);
  if (minimumPercent && vendor !== "none" && warmUp === false)
    add("minimumPercent", "needs rollout.warmUp: without it no model is loaded yet");
  return problems;
}

/** Whether a device's form is one that the vendor's runtime takes; else it would be no GPU, or all of them. */
function deviceProblem(vendor: Exclude<GpuVendor, "none">, device: string): string | undefined {
  const form = deviceForm(device);
  const taken = TAKEN_FORMS[vendor];
  if (form === undefined || !taken.includes(form)) {
    return `must be called by ${taken.join(", ")} with gpus.vendor "${vendor}", got ${show(device)}`;
  }
  const [maker] = /^(nvidia|amd)(?=\.com\/)/.exec(device) ?? [];
  return form === "CDI" && maker && maker !== vendor
    ? `is ${maker}'s, and gpus.vendor is "${vendor}"; correct one of them, got ${show(device)}`
    : undefined;
}

const NEEDS_VENDOR = 'needs gpus.vendor, "nvidia", "amd" or "vulkan"';

const declared = <K extends keyof NodeConfig>(node: NodeConfig, fields: readonly K[]): K[] =>
  fields.filter((field) => node[field] !== undefined);
