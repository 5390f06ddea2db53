import type { local } from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { tlsProxy } from "../templates/nodes/tls-proxy.ts";
import { serverLine } from "../templates/nodes/upstream.ts";
import { GPUS, GUARD } from "../config/defaults.ts";
import type { GpuHost } from "./hosts/gpu-host.ts";
import { balancerRef } from "../plan/balancer-ref.ts";
import { isPlaceholder } from "./late-values.ts";
import { nodeContainerArgs } from "./containers/node-container.ts";
import { networkAttachment, type LoadBalancer } from "./load-balancer.ts";
import { nodeGuard, type NodeGuard } from "./node-guard.ts";
import { spread } from "./outputs.ts";
import { clearOrphan } from "./orphan.ts";
import { MESH_LABEL } from "../config/names.ts";
import { shortHash } from "../config/short-hash.ts";
import type { BalancerPlan } from "../plan/balancer-plan.ts";
import type { ContainerPlan, NodePlan } from "../plan/node-plan.ts";
import type { MeshPlan } from "../plan/mesh-plan.ts";
import { lineDrift } from "./observed/drift.ts";
import type { NotObserved, ObservedMesh } from "./observed/observed-mesh.ts";
import { leftAlone, step } from "./step.ts";

/** Arguments of OllamaNode. */
export interface OllamaNodeArgs {
  mesh: MeshPlan;
  /** With placeholders for what is known later. */
  plan: NodePlan;
  /** As it will be. */
  node: pulumi.Output<NodePlan>;
  /** NAME=value, secret where one of them is. */
  environment: pulumi.Output<string[]>;
  /** The host of a managed node. */
  host?: GpuHost;
  /** nginx's, for a node's guard. */
  image: pulumi.Output<string>;
  /** How the balancer stands at the moment. */
  observed: ObservedMesh | NotObserved;
  /** What must be there before the node may take traffic. */
  balancer: LoadBalancer;
  /** What must be done before its container may be touched: hosts prepared, earlier nodes back in traffic. */
  after: pulumi.Resource[];
}

/** One server behind the balancer: its container if the mesh runs it, and its place in traffic. */
export class OllamaNode extends pulumi.ComponentResource {
  /** Done once the node takes traffic. */
  readonly admission: local.Command;

  constructor(name: string, args: OllamaNodeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ollama-mesh:index:OllamaNode", name, {}, opts);
    const { plan, host } = args;
    if (plan.container && host) {
      const guard = plan.container.guard
        ? nodeGuard(this, name, { ...args, host, container: plan.container })
        : undefined;
      const turn = takeTurn(this, name, args, guard);
      const container = nodeContainer(this, name, args, host, [
        turn,
        ...(guard ? [guard.network] : []),
      ]);
      const made = [container, ...(guard ? [guard.beside(container)] : [])];
      const linked = { ...args, node: guard?.linked ?? args.node };
      const ready = readyGate(this, name, linked, plan.container, made);
      const ids = made.map(({ id }) => id);
      this.admission = admit(this, name, linked, [ready], ids);
    } else {
      this.admission = admit(this, name, args, [args.balancer]);
    }
    this.registerOutputs({});
  }
}

/** Before a container is made or replaced: see steps/nodes/turn.ts. */
function takeTurn(parent: OllamaNode, name: string, args: OllamaNodeArgs, guard?: NodeGuard) {
  const { mesh, plan } = args;
  const made = pulumi.all([args.node, args.environment, pulumi.output(guard?.spec)]);
  return step(
    `${name}-turn`,
    { create: "enlist", update: "takeTurn", delete: "delist" },
    {
      balancer: balancerRef(mesh.balancer),
      node: plan.name,
      // What an offline node is made of changes nothing before it is back.
      spec: plan.offline
        ? "offline"
        : made.apply(([node, environment, beside]) => {
            const container = nodeContainerArgs(mesh, node, environment);
            return shortHash(JSON.stringify(beside ? [container, beside] : container), 16);
          }),
      ...(plan.offline ? { offline: true } : {}),
      maxUnavailable: mesh.rollout.maxUnavailable,
      mesh: mesh.name,
    },
    { parent, dependsOn: [args.balancer, ...args.after] },
  );
}

function nodeContainer(
  parent: OllamaNode,
  name: string,
  args: OllamaNodeArgs,
  host: GpuHost,
  after: pulumi.Resource[],
): docker.Container {
  // The environment on its own: a secret in it hides nothing else.
  const inputs = args.node.apply((node) => nodeContainerArgs(args.mesh, node, []));
  const all = spread(inputs, nodeContainerArgs(args.mesh, args.plan, []));
  const { meshAddress } = args.plan.container!;
  const attachment =
    meshAddress === undefined ? {} : networkAttachment(args.balancer.network, meshAddress);
  return new docker.Container(
    name,
    { ...all, ...attachment, envs: args.environment },
    {
      parent,
      provider: host.provider,
      replacementTrigger: host.engine,
      dependsOn: [...host.prepared, ...after],
      deleteBeforeReplace: true,
      // The provider takes a change of these and does not apply it.
      replaceOnChanges: ["healthcheck", "tmpfs"],
      ...leftAlone(args.plan.offline),
      ...clearOrphan(name, balancerRef(args.mesh.balancer), {
        kind: "container",
        endpoint: args.plan.container!.endpoint,
        name: args.plan.container!.name,
        label: MESH_LABEL,
        mesh: args.mesh.name,
        node: args.plan.name,
      }),
    },
  );
}

function readyGate(
  parent: OllamaNode,
  name: string,
  { mesh, node, plan }: OllamaNodeArgs,
  container: ContainerPlan,
  made: docker.Container[],
) {
  return step(
    `${name}-ready`,
    { create: "ready" },
    {
      balancer: balancerRef(mesh.balancer),
      endpoint: container.endpoint,
      container: container.name,
      node: plan.name,
      address: node.address,
      port: plan.port,
      models: container.models,
      timeoutSeconds: mesh.rollout.readyTimeoutSeconds,
      warmUp: mesh.rollout.warmUp,
      maintenance: plan.maintenance,
      pids: container.pids,
      ...(container.guard
        ? {
            guard: { container: container.guard, pids: GUARD.pids },
            tls: node.apply(({ tls }) => tls!),
          }
        : {}),
      ...(container.service
        ? { healthPath: container.service.healthPath }
        : minimumOnGpu(container)),
    },
    { parent, dependsOn: made, ...leftAlone(plan.offline) },
    made.map(({ id }) => id),
  );
}

/** Where a node must answer the balancer. */
const healthPath = ({ container }: NodePlan) =>
  container ? (container.service?.healthPath ?? "/api/version") : "/";

/** What is asked of a node with GPUs only. */
function minimumOnGpu({ gpus }: ContainerPlan): { minimumGpuPercent?: number } {
  const asked = gpus.minimumPercent ?? GPUS.minimumPercent;
  return (gpus.vendor ?? "none") === "none" || asked === 0 ? {} : { minimumGpuPercent: asked };
}

/** The node's line on the balancer: written when it is ready, drained before its container is touched. */
function admit(
  parent: OllamaNode,
  name: string,
  { mesh, node, plan, observed }: OllamaNodeArgs,
  dependsOn: pulumi.Resource[],
  triggers?: pulumi.Input<unknown>[],
) {
  const balancer: BalancerPlan = mesh.balancer;
  const line = isPlaceholder(plan.address) ? undefined : serverLine(balancer, plan);
  return step(
    `${name}-admission`,
    { create: "admit", update: "amend", delete: "drain" },
    {
      balancer: balancerRef(balancer),
      node: plan.name,
      address: node.address,
      port: plan.port,
      line: node.apply((known) => serverLine(balancer, known)),
      // Left out where there is no TLS, so that other nodes have nothing to change.
      ...(plan.tls
        ? {
            hop: node.apply((known) => tlsProxy(balancer, known)!),
            tls: node.apply(({ tls }) => tls!),
          }
        : {}),
      ...(plan.maintenance ? {} : { healthPath: healthPath(plan) }),
      drainTimeoutSeconds: mesh.rollout.drainTimeoutSeconds,
      ...(plan.offline ? { offline: true } : {}),
      ...(plan.container ? { engine: plan.container.endpoint } : {}),
    },
    { parent, dependsOn, drift: lineDrift(observed, plan, line) },
    triggers,
  );
}
