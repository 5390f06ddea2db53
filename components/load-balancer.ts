import type { local } from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Routing } from "../config/balancer-args.ts";
import { MESH_LABEL } from "../config/names.ts";
import { balancerRef } from "../plan/balancer-ref.ts";
import type { BalancerPlan } from "../plan/balancer-plan.ts";
import { joinNetwork, meshNetwork } from "./balancers/mesh-network.ts";
import { balancerContainers } from "./balancer-containers.ts";
import { keepSecrets } from "./balancer-secrets.ts";
import type { CloserArgs } from "./containers/connection-closer.ts";
import { publishedPorts } from "./containers/balancer-container.ts";
import { routingOf } from "./balancers/nginx-modules.ts";
import { virtualAddress } from "./balancers/virtual-address.ts";
import type { GpuHost } from "./hosts/gpu-host.ts";
import { isRouted, routerOf } from "../templates/nodes/routed-node.ts";
import { step } from "./step.ts";

/** Arguments of LoadBalancer. */
export interface LoadBalancerArgs extends Pick<CloserArgs, "nodes"> {
  mesh: string;
  /** With placeholders for what is known later. */
  plan: BalancerPlan;
  /** As it will be, secrets included. */
  known: pulumi.Output<BalancerPlan>;
  /** Whether its engine said which networks it has. */
  isNetworkKnown: boolean;
  image: pulumi.Input<string>;
  host: GpuHost;
  /** Nodes that must be within its reach before their containers are touched. */
  remote: pulumi.Input<{ node: string; address: string; port: number }[]> | undefined;
  /** The rendered config, without server lines, for a plan that may differ in how nodes are chosen. */
  base: (routing: Routing) => pulumi.Input<string>;
  /** Those of the log driver; absent where none are declared. */
  logOptions?: pulumi.Output<Record<string, string>>;
  /** Whether how nodes are chosen is declared, and so no other way will do. */
  declaresRouting: boolean;
  /** What somebody changed by hand of the config; undefined for nothing. */
  drift: string | undefined;
  /** That nginx is down; undefined where it is not. */
  down: string | undefined;
  /** Seconds that streams get when their nginx is replaced: rollout.drainTimeoutSeconds. */
  drainSeconds: number;
  /** Hosts that must have answered, and the other balancer that is changed first, before anything of this one is. */
  after: pulumi.Resource[];
  /** Names of all nodes, where lines of others may have been left by a time when its machine was off. */
  declared?: string[];
}

/** nginx in a container, with its config in a volume; nodes are added by their admissions. */
export class LoadBalancer extends pulumi.ComponentResource {
  /** In which nodes on the balancer's engine get a place: see networkAttachment. */
  readonly network: docker.Network;

  constructor(name: string, args: LoadBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ollama-mesh:index:LoadBalancer", name, {}, opts);
    const { plan, host } = args;
    const ref = balancerRef(plan);
    const here = { parent: this, provider: host.provider, replacementTrigger: host.engine };
    const known = { ...here, dependsOn: [host.preflight] };

    const image = imageOnHost(name, args, this);
    const ports = freePorts(name, args, this, image);
    this.network = meshNetwork(name, args, known);
    const joined = joinNetwork(name, args, this.network, this, args.after);
    const volume = configVolume(name, args, known);
    const reach = args.remote ? [reachNodes(name, ref, args, [image, this.network], this)] : [];
    // Also the ports: nginx takes the config over, which must not be while the front is to stay as it is.
    const before = [image, ports, joined, volume, ...reach, ...args.after];
    const routing = routingOf(image, args, this);
    const usage = plan.usageVolume ? [usageVolume(name, plan.usageVolume, args, image, known)] : [];
    const config = configInVolume(name, args, routing, { parent: this, dependsOn: before });
    const containers = {
      ...args,
      network: this.network,
      parent: this,
      after: [config, ...usage],
      hasImage: image,
    };
    const serving = balancerContainers(name, containers);
    const { virtualAddress: shared } = plan;
    if (shared) virtualAddress(name, { ...args, shared, parent: this, after: serving });
    this.registerOutputs({});
  }
}

function imageOnHost(
  name: string,
  { plan, image, host }: LoadBalancerArgs,
  parent: pulumi.Resource,
): local.Command {
  const input = {
    endpoint: plan.endpoint,
    images: [image],
    // Not asked where nobody wants to know, so that such stacks have nothing to change.
    ...(isRouted(plan) ? { asksNjs: image } : {}),
    ...(plan.tracing ? { asksOtel: image } : {}),
  };
  return step(`${name}-image`, { create: "image" }, input, { parent, dependsOn: [host.preflight] });
}

/** Found out before the old container goes: the ports that the new one is to have. */
function freePorts(
  name: string,
  { plan, image }: LoadBalancerArgs,
  parent: pulumi.Resource,
  hasImage: pulumi.Resource,
): local.Command {
  return step(
    `${name}-ports`,
    { create: "ports" },
    {
      endpoint: plan.endpoint,
      container: plan.container,
      image,
      ports: publishedPorts(plan).map(({ ip, port }) => ({ ip, port })),
    },
    { parent, dependsOn: [hasImage] },
  );
}

function configVolume(
  name: string,
  { mesh, plan }: LoadBalancerArgs,
  opts: pulumi.CustomResourceOptions,
): docker.Volume {
  const labels = [{ label: MESH_LABEL, value: mesh }];
  return new docker.Volume(`${name}-config`, { name: plan.volume, labels }, opts);
}

/** The volume with what API keys use; nginx's, whom Docker makes none. */
function usageVolume(
  name: string,
  volume: string,
  { mesh, plan, image }: LoadBalancerArgs,
  hasImage: pulumi.Resource,
  opts: pulumi.CustomResourceOptions & { parent: pulumi.Resource },
): local.Command {
  const labels = [{ label: MESH_LABEL, value: mesh }];
  const made = new docker.Volume(`${name}-usage`, { name: volume, labels }, opts);
  return step(
    `${name}-usage-owner`,
    { create: "ownUsage" },
    { endpoint: plan.endpoint, volume: made.name, image },
    { parent: opts.parent, dependsOn: [hasImage], ignoreChanges: ["stdin"] },
    [made.id],
  );
}

/** The secret files first, then the config that names them; nginx takes it over where it runs. */
function configInVolume(
  name: string,
  { plan, known, image, base, drift, declared }: LoadBalancerArgs,
  routing: pulumi.Output<Routing>,
  before: { parent: pulumi.Resource; dependsOn: pulumi.Resource[] },
): local.Command {
  const ref = balancerRef(plan);
  const secrets = keepSecrets(name, ref, plan, known, before);
  return step(
    `${name}-config`,
    { create: "applyConfig" },
    {
      balancer: ref,
      image,
      base: routing.apply(base),
      secrets: secrets.hash,
      ...(declared ? { declared } : {}),
      ...(isRouted(plan)
        ? { router: routing.apply((by) => routerOf({ ...plan, routing: by })) }
        : {}),
    },
    { ...before, dependsOn: [...before.dependsOn, ...secrets.kept], drift },
  );
}

/** Nodes on other hosts must be within reach before anything of the balancer is changed for them. */
function reachNodes(
  name: string,
  ref: ReturnType<typeof balancerRef>,
  { image, remote }: LoadBalancerArgs,
  dependsOn: pulumi.Resource[],
  parent: pulumi.Resource,
): local.Command {
  const input = { balancer: ref, image, nodes: remote };
  return step(`${name}-reach`, { create: "reach" }, input, { parent, dependsOn }, undefined, true);
}
