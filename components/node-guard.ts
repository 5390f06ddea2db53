import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { X509Certificate } from "node:crypto";
import { GUARD } from "../config/defaults.ts";
import { guardResource, MESH_LABEL } from "../config/names.ts";
import { balancerRef } from "../plan/balancer-ref.ts";
import type { MeshPlan } from "../plan/mesh-plan.ts";
import type { ContainerPlan, NodePlan } from "../plan/node-plan.ts";
import type { LinkKeyPairs } from "../steps/nodes/guard.ts";
import { guardContainerArgs, guardFiles, guardVolume } from "./containers/guard-container.ts";
import { formerNames, nameAt } from "./balancers/per-balancer.ts";
import { oneThatIsOn, type PlacedBalancer } from "./balancers/placed-balancer.ts";
import type { GpuHost } from "./hosts/gpu-host.ts";
import { clearOrphan } from "./orphan.ts";
import { spread } from "./outputs.ts";
import { leftAlone, step } from "./step.ts";

const DAY_MS = 86_400_000;

/** Arguments of nodeGuard. */
export interface NodeGuardArgs {
  mesh: MeshPlan;
  /** With placeholders for what is known later. */
  plan: NodePlan;
  /** As it will be. */
  node: pulumi.Output<NodePlan>;
  /** nginx's. */
  image: pulumi.Output<string>;
  host: GpuHost;
  balancers: readonly PlacedBalancer[];
}

/** What stands beside a node with access: balancerOnly, and is published in its place. */
export interface NodeGuard {
  /** The node, with the certificates by which a balancer and the guard know each other. */
  linkedTo: (balancer: PlacedBalancer) => pulumi.Output<NodePlan>;
  /** What it is made of, but for the node's container: a change of it replaces it. */
  spec: pulumi.Output<unknown>;
  /** What the node's container waits for. */
  network: docker.Network;
  /** Makes the guard's container, beside the node's. */
  beside: (container: docker.Container) => docker.Container;
}

/** A guard about to be made: its arguments, and what its resources have in common. */
interface Making extends NodeGuardArgs {
  parent: pulumi.Resource;
  name: string;
  container: ContainerPlan;
  /** Name of its container and network. */
  guard: string;
  here: pulumi.CustomResourceOptions;
  labels: { label: string; value: string }[];
}

/** Everything of a guard but its container, which has its turn with the node's. */
export function nodeGuard(
  parent: pulumi.Resource,
  name: string,
  args: NodeGuardArgs & { container: ContainerPlan },
): NodeGuard {
  const making = begin(parent, name, args);
  const { mesh, node, image, container, guard } = making;
  // In the order of their names, so that balancers may change places.
  const sorted = args.balancers.toSorted((a, b) =>
    (a.plan.key ?? "") < (b.plan.key ?? "") ? -1 : 1,
  );
  const links = sorted.map((at) => nodeLink(parent, name, args.plan, at));
  const link = pulumi.all(links).apply(([first, ...others]) => ({
    server: first!.server,
    clients: [first!, ...others].map(({ client }) => client),
  }));
  const files = link.apply((made) => guardFiles(container, made));
  const volumeName = pulumi.unsecret(files.apply((all) => guardVolume(guard, all)));
  const network = guardNetwork(making);
  const kept = filesInVolume(making, volumeName, files);
  const made = pulumi
    .all([node, volumeName])
    .apply(([known, volume]) => guardContainerArgs(mesh.name, known, volume));
  return {
    linkedTo: (balancer) =>
      pulumi.all([node, link]).apply(([known, { server, clients }]) => {
        const client = clients[sorted.indexOf(balancer)]!;
        return { ...known, tls: { ...known.tls!, caCertificate: server.certificate, client } };
      }),
    spec: pulumi.all([made, image]),
    network,
    beside: (container) => guardContainer(making, made, container, [network, kept]),
  };
}

function begin(
  parent: pulumi.Resource,
  name: string,
  args: NodeGuardArgs & { container: ContainerPlan },
): Making {
  const { host, mesh } = args;
  const here = {
    parent,
    provider: host.provider,
    replacementTrigger: host.engine,
    dependsOn: host.prepared,
    // The provider's own choice for what has a name; but the old one is in use until the old guard is gone.
    deleteBeforeReplace: false,
    ...leftAlone(args.plan.offline),
  };
  const labels = [{ label: MESH_LABEL, value: mesh.name }];
  return { ...args, parent, name, guard: args.container.guard!, here, labels };
}

/** @param of for a container its node, by which it is known whether it serves */
function clearGuardOrphan(
  { name, mesh, container, guard, balancers }: Making,
  of: { kind: "network" } | { kind: "container"; node: string },
): pulumi.CustomResourceOptions {
  const { endpoint } = container;
  const orphan = { endpoint, name: guard, label: MESH_LABEL, mesh: mesh.name, ...of };
  const resource = of.kind === "network" ? `${guardResource(name)}-network` : guardResource(name);
  return clearOrphan(resource, balancerRef(oneThatIsOn(balancers).plan), orphan);
}

function guardNetwork(making: Making): docker.Network {
  const { name, guard, labels, here } = making;
  return new docker.Network(
    guardResource(name),
    { name: guard, driver: "bridge", labels },
    { ...here, ...clearGuardOrphan(making, { kind: "network" }) },
  );
}

function filesInVolume(
  { parent, name, plan, container, host, image, labels, here }: Making,
  volumeName: pulumi.Output<string>,
  files: pulumi.Output<object>,
): pulumi.Resource {
  const volume = new docker.Volume(guardResource(name), { name: volumeName, labels }, here);
  return step(
    guardResource(name),
    { create: "keepGuard" },
    { endpoint: container.endpoint, volume: volumeName, image, files },
    { parent, dependsOn: [volume, ...host.prepared], ...leftAlone(plan.offline) },
  );
}

function guardContainer(
  making: Making,
  made: pulumi.Output<ReturnType<typeof guardContainerArgs>>,
  beside: docker.Container,
  after: pulumi.Resource[],
): docker.Container {
  const { name, mesh, plan, image, here } = making;
  return new docker.Container(
    guardResource(name),
    {
      ...spread(made, guardContainerArgs(mesh.name, plan, "")),
      image,
      // So that it is removed before the node's container is, and after the drain: one of the two holds the port,
      // also where the next program has no guard. Pulumi sees that in texts and lists, not in sets such as envs.
      hostname: beside.id.apply((id) => id.slice(0, 12)),
    },
    {
      ...here,
      dependsOn: [beside, ...after],
      deleteBeforeReplace: true,
      replaceOnChanges: ["healthcheck", "tmpfs"],
      ...clearGuardOrphan(making, { kind: "container", node: plan.name }),
    },
  );
}

/** Made once and kept, secret, in the state; `pulumi up --replace` of it makes a new one. */
function nodeLink(
  parent: pulumi.Resource,
  name: string,
  { name: node, tls, offline }: NodePlan,
  { plan: balancer, isFirst }: PlacedBalancer,
): pulumi.Output<LinkKeyPairs> {
  const ownName = nameAt(`${name}-link`, balancer);
  const made = step(
    ownName,
    { create: "makeLink" },
    { name: tls!.serverName },
    {
      parent,
      additionalSecretOutputs: ["stdout"],
      aliases: formerNames(`${name}-link`, balancer, isFirst),
      // Else everything that is made with it would be taken down at once, and not by turns.
      deleteBeforeReplace: false,
      ...leftAlone(offline),
    },
  );
  return pulumi.secret(made.stdout).apply((printed) => {
    const link = JSON.parse(printed) as LinkKeyPairs;
    for (const { certificate } of [link.server, link.client]) {
      const { validTo } = new X509Certificate(certificate);
      if (Date.parse(validTo) > Date.now() + GUARD.warningDays * DAY_MS) continue;
      void pulumi.log.warn(
        `node ${node}: the balancer's access ends on ${validTo}; renew it: pulumi up --replace '**::${ownName}'`,
        parent,
      );
      break;
    }
    return link;
  });
}
