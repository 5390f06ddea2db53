import { isIP } from "node:net";
import { isCdi } from "../cdi-device.ts";
import { DEFAULT_ENGINE } from "../defaults.ts";
import { type NodeConfig, isAttached } from "../mesh-config.ts";
import { parseEndpoint } from "../net/engine-endpoint.ts";
import type { Problem } from "../problems.ts";
import type { IndexedNode, WellFormed } from "./well-formed.ts";

/** What the fields of one node allow one by one but together can't work, or would hurt. */
export function nodeProblems({ at, node }: IndexedNode, mesh: WellFormed): Problem[] {
  const engine = mesh.balancer.host ?? DEFAULT_ENGINE;
  return [
    ...unmanagedProblems(node),
    ...reachProblems(node, engine),
    ...attachedProblems(node, engine),
    ...nodeTlsProblems(node),
    ...serviceProblems(node),
    ...gpuProblems(node, mesh.rollout),
  ].map(({ path, text }) => ({ path: `nodes[${at}].${path}`, text }));
}

/** Fields that make or shape a container. */
const OF_CONTAINERS = [
  ...(["host", "access", "service", "gpus", "image"] as const),
  ...(["ollama", "models", "memoryMiB", "cpus"] as const),
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
function reachProblems(node: NodeConfig, balancerEngine: string): Problem[] {
  const engine = node.host ?? DEFAULT_ENGINE;
  if (node.managed === false || node.address !== undefined || engine === balancerEngine) return [];
  if (parseEndpoint(engine)?.kind !== "unix") return [];
  const text = `is missing; from ${engine} the balancer's engine cannot tell how to reach the node`;
  return [{ path: "address", text }];
}

/** In the mesh network there is nothing to publish. */
function attachedProblems(node: NodeConfig, balancerEngine: string): Problem[] {
  if (!isAttached(node, balancerEngine)) return [];
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

function serviceProblems(node: NodeConfig): Problem[] {
  if (!node.service || node.managed === false) return [];
  const missing = "is missing; the mesh's image is Ollama, which a service is not";
  const idle = "is for Ollama and has no effect on a service; leave one of them out";
  const asked = "is asked of Ollama only; leave it out for a service";
  return [
    ...(node.image === undefined ? [{ path: "image", text: missing }] : []),
    ...declared(node, ["ollama", "models"]).map((path) => ({ path, text: idle })),
    ...(node.gpus?.minimumPercent === undefined
      ? []
      : [{ path: "gpus.minimumPercent", text: asked }]),
  ];
}

function gpuProblems({ gpus = {} }: NodeConfig, { warmUp }: WellFormed["rollout"]): Problem[] {
  const { vendor = "none", devices = [], groups, minimumPercent } = gpus;
  const problems: Problem[] = [];
  const add = (field: string, text: string) => problems.push({ path: `gpus.${field}`, text });
  const byCdi = devices.filter(isCdi).length;
  if (byCdi > 0 && byCdi < devices.length)
    add("devices", "must be all CDI names, or all indexes and UUIDs");
  if (vendor === "none" && gpus.devices) add("devices", NEEDS_VENDOR);
  if (groups && vendor !== "amd") add("groups", 'is for gpus.vendor "amd" only');
  if (minimumPercent !== undefined && vendor === "none") add("minimumPercent", NEEDS_VENDOR);
  if (minimumPercent && vendor !== "none" && warmUp === false)
    add("minimumPercent", "needs rollout.warmUp: without it no model is loaded yet");
  return problems;
}

const NEEDS_VENDOR = 'needs gpus.vendor, "nvidia" or "amd"';

const declared = <K extends keyof NodeConfig>(node: NodeConfig, fields: readonly K[]): K[] =>
  fields.filter((field) => node[field] !== undefined);
