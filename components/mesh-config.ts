import { isIP } from "node:net";
import { z } from "zod";
import { balancerProblems, type PlacedNode } from "./balancer-problems.ts";
import { balancerSchema } from "./balancer-schema.ts";
import { DEFAULT_ENGINE, ROLLOUT } from "./defaults.ts";
import type { OllamaMeshArgs } from "./mesh-args.ts";
import type { NodeArgs } from "./node-args.ts";
import { meshSchema, nodeSchema, rolloutSchema } from "./mesh-schema.ts";
import type { Known } from "./patterns.ts";
import { engineHost } from "./names.ts";
import { meshNetworkProblems } from "./mesh-network-problems.ts";
import { offlineProblems } from "./offline-problems.ts";
import { isAttached } from "./balancer-plan.ts";
import { portOf } from "./plan.ts";
import { ConfigurationError, dotPath, nearest, show, type Problem } from "./problems.ts";

/** The arguments of a mesh, checked, every Input known. */
export type MeshConfig = Known<OllamaMeshArgs>;
/** The arguments of one node, checked, every Input known. */
export type NodeConfig = Known<NodeArgs>;

/**
 * Checks the arguments of a mesh and returns them.
 *
 * @param name of the mesh, from which its network follows; without it that is not checked
 * @throws ConfigurationError naming every problem at once
 */
export function parseMesh(given: unknown, name?: string): MeshConfig {
  const input = withoutUndefined(given);
  const parsed = meshSchema.safeParse(input);
  const problems = [
    ...(parsed.success ? [] : fieldProblems(parsed.error, input)),
    ...combinationProblems(wellFormed(input), name),
  ];
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new ConfigurationError(problems);
}

/** A setting that is undefined is one that was left out; as a value it would hide the default. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [key, withoutUndefined(inner)]),
  );
}

/** Fields whose value is never shown, nor what is inside: a key may stand in the wrong place. */
const SECRET_FIELDS = new Set<PropertyKey>(["environment", "apiKeys", "tls"]);

/** What zod found, in the house form: with the value, but never one that may be a secret. */
function fieldProblems(error: z.ZodError, input: unknown): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const path = dotPath(issue.path);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => {
        const meant = nearest(key, knownKeys(issue.path));
        const hint = meant ? `; did you mean "${meant}"?` : "";
        return { path: dotPath([...issue.path, key]), text: `is not a setting${hint}` };
      });
    }
    if (issue.code === "invalid_key") return [{ path, text: issue.issues[0]!.message }];
    const value = issue.path.reduce<unknown>((at, key) => (at as never)?.[key], input);
    if (value === undefined && issue.code === "invalid_type") {
      return [{ path: path || "mesh", text: `is missing; it ${issue.message}` }];
    }
    const secret = issue.path.some((part) => SECRET_FIELDS.has(part));
    return [
      { path: path || "mesh", text: `${issue.message}${secret ? "" : `, got ${show(value)}`}` },
    ];
  });
}

/** The keys that the schema knows at a path. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let at: unknown = meshSchema;
  for (const part of path) {
    while (at instanceof z.ZodExactOptional) at = at.unwrap();
    at =
      at instanceof z.ZodArray
        ? at.element
        : at instanceof z.ZodObject
          ? at.shape[part as string]
          : undefined;
  }
  while (at instanceof z.ZodExactOptional) at = at.unwrap();
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** Those parts of the input that are fine by themselves, so that their combination can be checked although others are not. */
function wellFormed(input: unknown) {
  const given = (typeof input === "object" && input !== null ? input : {}) as Record<
    string,
    unknown
  >;
  const list = Array.isArray(given["nodes"]) ? given["nodes"] : [];
  const nodes = list.flatMap((item, at): PlacedNode[] => {
    const node = nodeSchema.safeParse(item);
    return node.success ? [{ at, node: node.data }] : [];
  });
  return {
    nodes,
    allNodesKnown: nodes.length === list.length,
    balancer: balancerSchema.safeParse(given["balancer"] ?? {}).data ?? {},
    rollout: rolloutSchema.safeParse(given["rollout"] ?? {}).data ?? {},
    ollama:
      meshSchema.safeParse({ nodes: [{ name: "a" }], ollama: given["ollama"] }).data?.ollama ?? {},
  };
}

/** What each field allows but together can't work, or would hurt. */
function combinationProblems(mesh: ReturnType<typeof wellFormed>, name?: string): Problem[] {
  const problems = balancerProblems(mesh.balancer, mesh.nodes, mesh.ollama);
  const add = (at: number, field: string, text: string) =>
    problems.push({ path: `nodes[${at}].${field}`, text });
  const { balancer, nodes } = mesh;
  const balancerEngine = balancer.host ?? DEFAULT_ENGINE;

  for (const problem of offlineProblems(nodes, balancerEngine)) problems.push(problem);
  const names = new Map<string, number>();
  const places = new Map<string, number>();
  for (const { at, node } of nodes) {
    const first = names.get(node.name);
    if (first !== undefined)
      add(at, "name", `must be unique, but nodes[${first}] is "${node.name}" too`);
    names.set(node.name, first ?? at);

    const engine = node.host ?? DEFAULT_ENGINE;
    const remote = engine !== balancerEngine;
    if (node.address !== undefined || remote) {
      const place = `${(node.address ?? engineHost(engine) ?? engine).toLowerCase()}:${portOf(node)}`;
      const taken = places.get(place);
      if (taken !== undefined) {
        const where = node.address === undefined ? "port" : "address";
        add(
          at,
          where,
          `must be unique, but nodes[${taken}] is reached at the same address and port; give one another port`,
        );
      }
      places.set(place, taken ?? at);
    }
    if (node.tls && node.managed !== false) {
      add(
        at,
        "tls",
        "is for nodes with managed: false: Ollama itself speaks no TLS; leave it out, or set access: balancerOnly",
      );
    } else if (node.tls && node.tls.serverName === undefined && isIP(node.address ?? "")) {
      add(
        at,
        "tls.serverName",
        `is missing; nginx verifies a certificate by its name, and the address is ${node.address}`,
      );
    }
    if (node.managed === false) {
      if (node.address === undefined)
        add(at, "address", "is missing; a node that is not managed is reached by its address only");
      for (const field of [
        "host",
        "access",
        "service",
        "gpus",
        "image",
        "ollama",
        "models",
        "memoryMiB",
        "cpus",
      ] as const) {
        if (node[field] !== undefined)
          add(at, field, "has no effect on a node with managed: false; leave one of them out");
      }
    } else if (remote && engine.startsWith("unix:") && node.address === undefined) {
      add(
        at,
        "address",
        `is missing; from ${engine} the balancer's engine cannot tell how to reach the node`,
      );
    }
    if (node.port !== undefined && isAttached(node, balancerEngine)) {
      add(
        at,
        "port",
        "has no effect on the balancer's own engine, where a node is in the mesh network; leave it out",
      );
    }
    if (node.access !== undefined && isAttached(node, balancerEngine)) {
      add(
        at,
        "access",
        "has no effect on the balancer's own engine, where a node is in the mesh network and not published; leave it out",
      );
    }
    if (node.service && node.managed !== false) {
      if (node.image === undefined)
        add(at, "image", "is missing; the mesh's image is Ollama, which a service is not");
      for (const field of ["ollama", "models"] as const) {
        if (node[field] !== undefined)
          add(at, field, "is for Ollama and has no effect on a service; leave one of them out");
      }
      if (node.gpus?.minimumPercent !== undefined)
        add(at, "gpus.minimumPercent", "is asked of Ollama only; leave it out for a service");
    }
    const cdi = node.gpus?.devices?.filter((device) => device.includes("=")).length ?? 0;
    if (cdi > 0 && cdi < node.gpus!.devices!.length) {
      add(at, "gpus.devices", "must be all CDI names, or all indexes and UUIDs");
    }
    if ((node.gpus?.vendor ?? "none") === "none" && node.gpus?.devices) {
      add(at, "gpus.devices", 'needs gpus.vendor, "nvidia" or "amd"');
    }
    if (node.gpus?.groups && node.gpus.vendor !== "amd") {
      add(at, "gpus.groups", 'is for gpus.vendor "amd" only');
    }
    if (node.gpus?.minimumPercent !== undefined) {
      if ((node.gpus.vendor ?? "none") === "none")
        add(at, "gpus.minimumPercent", 'needs gpus.vendor, "nvidia" or "amd"');
      else if (mesh.rollout.warmUp === false && node.gpus.minimumPercent > 0)
        add(at, "gpus.minimumPercent", "needs rollout.warmUp: without it no model is loaded yet");
    }
  }

  if (mesh.allNodesKnown && nodes.length > 0 && nodes.every(({ node }) => node.backup)) {
    problems.push({ path: "nodes", text: "must have a node that is not a backup" });
  }
  problems.push(...meshNetworkProblems(balancer, nodes, name));
  const unavailable = mesh.rollout.maxUnavailable ?? ROLLOUT.maxUnavailable;
  const managed = nodes.filter(({ node }) => node.managed !== false).length;
  if (mesh.allNodesKnown && managed > 1 && unavailable >= managed) {
    problems.push({
      path: "rollout.maxUnavailable",
      text: `must be below the number of managed nodes (${managed}), or a change takes all of them out, got ${unavailable}`,
    });
  }
  return problems;
}
