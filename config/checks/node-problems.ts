import { isIP } from "node:net";
import { DEFAULT_ENGINE, ROLLOUT } from "../defaults.ts";
import { isAttached, portOf, type WellFormed } from "../mesh-config.ts";
import { engineHost, parseEndpoint } from "../net/engine-endpoint.ts";
import type { Problem } from "../problems.ts";
import { balancerProblems } from "./balancer-problems.ts";
import { meshNetworkProblems } from "./mesh-network-problems.ts";
import { offlineProblems } from "./offline-problems.ts";

/** What each field allows but together can't work, or would hurt. */
export function combinationProblems(mesh: WellFormed, name?: string): Problem[] {
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
    } else if (remote && parseEndpoint(engine)?.kind === "unix" && node.address === undefined) {
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
