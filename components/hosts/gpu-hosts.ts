import * as pulumi from "@pulumi/pulumi";
import { NGINX_IMAGE } from "../../config/defaults.ts";
import type { OllamaMeshArgs } from "../../config/mesh-args.ts";
import { engineHost } from "../../config/net/engine-endpoint.ts";
import { shortHash } from "../../config/short-hash.ts";
import { withoutUndefined } from "../../config/without-undefined.ts";
import type { HostPlan } from "../../plan/host-plan.ts";
import { hasPullSettings, pullSettings } from "../../plan/ollama-environment.ts";
import type { MeshPlan } from "../../plan/mesh-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { isName, type MountedService } from "../../steps/nodes/mounts.ts";
import type { ModelStoreRef } from "../../steps/models/model-store.ts";
import { askEngines } from "./asked-engines.ts";
import { GpuHost, hostNeeds, type GpuHostArgs } from "./gpu-host.ts";
import type { LateValues } from "../late-values.ts";
import { step } from "../step.ts";

/** One per Docker engine, the balancer's included, by endpoint. */
export function createHosts(
  mesh: pulumi.Resource,
  known: LateValues,
  args: OllamaMeshArgs,
): Map<string, GpuHost> {
  const { plan } = known;
  const described = describeHosts(known, args);
  const answers = askEngines(mesh, plan.hosts);
  // Also while all but one are off: which those are, and what was found fine, is in its state only.
  const inspected = described.length > 1 ? [inspectHosts(mesh, plan, described)] : [];
  return new Map(
    described.map((args): [string, GpuHost] => {
      const name = `${plan.name}-${args.plan.key}`;
      const { endpoint } = args.plan;
      const own = { ...args, answers: answers.get(endpoint) ?? true, after: inspected };
      return [endpoint, new GpuHost(name, own, { parent: mesh })];
    }),
  );
}

/** What a host is told, but for whether it answers and what comes before it. */
type DescribedHost = Omit<GpuHostArgs, "after" | "answers">;

/** Every Output over all nodes is made once here: one per host over all nodes is quadratic, and was (20 s at 50 hosts). */
function describeHosts({ plan, nodes }: LateValues, args: OllamaMeshArgs): DescribedHost[] {
  const byHost = pulumi.all([...nodes.values()]).apply((all) => nodesByHost(plan, all));
  const stores = byHost.apply((nodes) => plan.hosts.map((host) => storeRef(host, nodes)));
  const declared = new Map(args.nodes.map((node) => [node.name, node]));
  const nginx = nginxImage(args);
  return plan.hosts.map((host, at): DescribedHost => {
    const containers = byHost.apply((nodes) => containersOf(host, nodes));
    return {
      mesh: plan.name,
      plan: host,
      images: pulumi.all([containers, nginx]).apply(imagesOf),
      ...(mountedOn(host, plan.nodes).length > 0
        ? {
            mounts: {
              services: byHost.apply((nodes) => mountedOn(host, nodes[host.endpoint]!)),
              helper: nginx,
            },
          }
        : {}),
      models: stores.apply((all) => all[at]!),
      ...(hasPeers(plan, host)
        ? { peers: stores.apply((all) => all.filter((_, i) => isPeer(host, plan.hosts[i]!))) }
        : {}),
      ...pullsOf(host, args.ollama, declared),
      // With the settings, since a plan has placeholders for values of the environment.
      purpose: pulumi
        .all([containers, settingsOn(host, args.ollama, declared)])
        .apply(([containers, settings]) =>
          shortHash(
            JSON.stringify([containers.toSorted(inOrderOfNames), settings, host.network]),
            16,
          ),
        ),
      minimumFreeGiB: plan.rollout.minimumFreeGib,
    };
  });
}

const inOrderOfNames = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

/** In the order of the arguments, by endpoint; nodes that the mesh does not run are on none. */
function nodesByHost({ hosts }: MeshPlan, nodes: NodePlan[]): Record<string, NodePlan[]> {
  const own = Object.groupBy(nodes, ({ container }) => container?.endpoint ?? "");
  return Object.fromEntries(hosts.map(({ endpoint }) => [endpoint, own[endpoint] ?? []]));
}

const containersOf = ({ endpoint }: HostPlan, nodes: Record<string, NodePlan[]>) =>
  nodes[endpoint]!.flatMap(({ container }) => container ?? []);

/** The nodes on a host that have mounts, or a user or groups by a name, which their images must know. */
const mountedOn = ({ endpoint }: HostPlan, nodes: readonly NodePlan[]): MountedService[] =>
  nodes.flatMap(({ name, container }) => {
    if (container?.endpoint !== endpoint) return [];
    const { service: { user, mounts = [] } = {}, image, name: own, gpus } = container;
    const groups = (gpus.groups ?? []).filter(isName);
    if (mounts.length === 0 && groups.length === 0 && !isName(user ?? "")) return [];
    const declared = { ...(user ? { user } : {}), ...(groups.length > 0 ? { groups } : {}) };
    return [{ node: name, container: own, image, ...declared, mounts }];
  });

/** Of the containers on a host, guards included; each once, sorted. */
function imagesOf([containers, nginx]: [ReturnType<typeof containersOf>, string]): string[] {
  const all = containers.flatMap(({ image, guard }) => [image, ...(guard ? [nginx] : [])]);
  return [...new Set(all)].sort();
}

/** Another host with Ollama, also one that is switched off: whether it answers is found out when a model is missing. */
const isPeer = ({ endpoint }: HostPlan, other: HostPlan) =>
  other.ollama && other.endpoint !== endpoint;

const hasPeers = ({ hosts }: MeshPlan, host: HostPlan) =>
  hosts.some((other) => isPeer(host, other));

/** The store of a host, as other hosts reach it: at the address of a node that is published there. */
function storeRef(host: HostPlan, nodes: Record<string, NodePlan[]>): ModelStoreRef {
  const own = nodes[host.endpoint]!;
  const images = own.flatMap(({ container }) =>
    container && !container.service ? [container.image] : [],
  );
  const published = own.find(({ container }) => container?.publish);
  const address = published?.address ?? engineHost(host.endpoint);
  return {
    endpoint: host.endpoint,
    volume: host.volume,
    ...(host.modelsPath === undefined ? {} : { modelsPath: host.modelsPath }),
    image: images.sort()[0] ?? "",
    ...(address ? { address } : {}),
  };
}

/** nginx's image: the balancer's, and that of what guards a node. */
export const nginxImage = ({ balancer }: OllamaMeshArgs): pulumi.Output<string> =>
  pulumi.output(balancer?.image ?? NGINX_IMAGE);

/** What is declared of a host's nodes that may hold values known later, by node, and that of all. */
function settingsOn(
  { nodes }: HostPlan,
  ofAll: OllamaMeshArgs["ollama"] = {},
  declared: ReadonlyMap<string, OllamaMeshArgs["nodes"][number]>,
) {
  const own = nodes.map((name) => {
    const { ollama = {}, service = {} } = declared.get(name) ?? {};
    return { ollama, service };
  });
  return pulumi.output(nodes.length === 0 ? [] : [ofAll, ...own]);
}

/** What downloads to a host need: of the mesh's settings, and of those of its nodes. */
function pullsOf(
  { nodes }: HostPlan,
  ofAll: OllamaMeshArgs["ollama"] = {},
  declared: ReadonlyMap<string, OllamaMeshArgs["nodes"][number]>,
): Pick<GpuHostArgs, "pulls"> {
  const all = [ofAll, ...nodes.map((name) => declared.get(name)?.ollama ?? {})];
  if (!all.some(hasPullSettings)) return {};
  return { pulls: pulumi.output(all).apply((known) => pullSettings(withoutUndefined(known))) };
}

/** One inspection of all hosts that something is changed on, with all their problems in one message. */
function inspectHosts(
  mesh: pulumi.Resource,
  plan: MeshPlan,
  hosts: DescribedHost[],
): pulumi.Resource {
  const off = hosts.flatMap(({ plan: { offline, endpoint } }) => (offline ? [endpoint] : []));
  const input = {
    hosts: hosts.filter(({ plan: { offline } }) => !offline).map(hostNeeds),
    ...(off.length > 0 ? { offline: off } : {}),
  };
  return step(`${plan.name}-hosts`, { create: "hosts" }, input, { parent: mesh }, undefined, true);
}
