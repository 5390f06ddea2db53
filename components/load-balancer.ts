import type { local } from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { NGINX } from "../config/defaults.ts";
import { MESH_LABEL } from "../config/names.ts";
import { balancerRef } from "../plan/balancer-ref.ts";
import type { BalancerPlan } from "../plan/balancer-plan.ts";
import { keepSecrets } from "./balancer-secrets.ts";
import { nginxContainerArgs, publishedPorts } from "./containers/balancer-container.ts";
import type { GpuHost } from "./hosts/gpu-host.ts";
import { clearOrphan } from "./orphan.ts";
import { step } from "./step.ts";

/** Arguments of LoadBalancer. */
export interface LoadBalancerArgs {
  mesh: string;
  /** With placeholders for what is known later. */
  plan: BalancerPlan;
  /** As it will be, secrets included. */
  known: pulumi.Output<BalancerPlan>;
  image: pulumi.Input<string>;
  host: GpuHost;
  /** Nodes that must be within its reach before their containers are touched. */
  remote: pulumi.Input<{ node: string; address: string; port: number }[]> | undefined;
  /** The rendered config, without server lines. */
  base: pulumi.Input<string>;
  /** What somebody changed by hand of the config; undefined for nothing. */
  drift: string | undefined;
  /** Hosts that must have answered before anything of the balancer is changed. */
  asked: pulumi.Resource[];
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
    const volume = configVolume(name, args, known);
    const reach = args.remote ? [reachNodes(name, ref, args, [image, this.network], this)] : [];
    const before = [image, this.network, volume, ...reach, ...args.asked];
    const config = configInVolume(name, args, { parent: this, dependsOn: before });
    const container = nginxContainer(name, args, this.network, {
      ...here,
      dependsOn: [config, ports],
    });
    servingGate(name, ref, container, this);
    this.registerOutputs({});
  }
}

function imageOnHost(
  name: string,
  { plan, image, host }: LoadBalancerArgs,
  parent: pulumi.Resource,
): local.Command {
  const input = { endpoint: plan.endpoint, images: [image] };
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

/** The secret files first, then the config that names them; nginx takes it over where it runs. */
function configInVolume(
  name: string,
  { plan, known, image, base, drift }: LoadBalancerArgs,
  before: { parent: pulumi.Resource; dependsOn: pulumi.Resource[] },
): local.Command {
  const ref = balancerRef(plan);
  const secrets = keepSecrets(name, ref, plan, known, before);
  return step(
    `${name}-config`,
    { create: "applyConfig" },
    { balancer: ref, image, base, secrets: secrets.hash },
    { ...before, dependsOn: [...before.dependsOn, ...secrets.kept], drift },
  );
}

function meshNetwork(
  name: string,
  { mesh, plan }: LoadBalancerArgs,
  opts: pulumi.CustomResourceOptions,
) {
  const orphan = {
    kind: "network" as const,
    endpoint: plan.endpoint,
    name: plan.network,
    label: MESH_LABEL,
    mesh,
  };
  return new docker.Network(
    `${name}-network`,
    {
      name: plan.network,
      driver: "bridge",
      ipamConfigs: [{ subnet: plan.addresses.subnet, gateway: plan.addresses.gateway }],
      labels: [{ label: MESH_LABEL, value: mesh }],
    },
    { ...opts, ...clearOrphan(`${name}-network`, balancerRef(plan), orphan) },
  );
}

/**
 * A container's place in the mesh network. The name comes from the network itself, so that Pulumi deletes what is in it
 * first when it must be replaced: Docker removes no network with a container.
 */
export const networkAttachment = ({ name }: docker.Network, ipv4Address: string) => ({
  networksAdvanced: [{ name, ipv4Address }],
});

function nginxContainer(
  name: string,
  args: LoadBalancerArgs,
  network: docker.Network,
  opts: pulumi.CustomResourceOptions,
) {
  const { mesh, plan } = args;
  const orphan = {
    kind: "container" as const,
    endpoint: plan.endpoint,
    name: plan.container,
    label: MESH_LABEL,
    mesh,
  };
  return new docker.Container(
    name,
    {
      ...nginxContainerArgs(mesh, plan),
      ...networkAttachment(network, plan.addresses.balancer),
      image: args.image,
    },
    {
      ...opts,
      ...clearOrphan(name, balancerRef(plan), orphan),
      deleteBeforeReplace: true,
      replaceOnChanges: ["healthcheck", "tmpfs"],
    },
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

function servingGate(
  name: string,
  ref: ReturnType<typeof balancerRef>,
  container: docker.Container,
  parent: pulumi.Resource,
): local.Command {
  return step(
    `${name}-serving`,
    { create: "serving" },
    { balancer: ref, pids: NGINX.pids },
    { parent, dependsOn: [container] },
    [container.id],
  );
}
