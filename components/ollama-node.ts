import type { local } from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { GPUS, GUARD } from "../config/defaults.ts";
import { admit } from "./balancers/admit.ts";
import {
  oneThatIsOn,
  stepAt,
  triggersAt,
  type PlacedBalancer,
} from "./balancers/placed-balancer.ts";
import type { GpuHost } from "./hosts/gpu-host.ts";
import { balancerRef } from "../plan/balancer-ref.ts";
import { filledIn, nodeContainerArgs } from "./containers/node-container.ts";
import { networkAttachment } from "./balancers/mesh-network.ts";
import { nodeGuard, type NodeGuard } from "./node-guard.ts";
import { spread } from "./outputs.ts";
import { clearOrphan } from "./orphan.ts";
import { MESH_LABEL } from "../config/names.ts";
import { shortHash } from "../config/short-hash.ts";
import { type VerdictSource, verdictSource } from "../plan/verdict-source.ts";
import type { ReadyInput } from "../steps/nodes/ready.ts";
import { VERDICT_PORT } from "../templates/nginx-layout.ts";
import type { ContainerPlan, NodePlan, ServicePlan } from "../plan/node-plan.ts";
import type { MeshPlan } from "../plan/mesh-plan.ts";
import { leftAlone, step } from "./step.ts";

/** Arguments of OllamaNode. */
export interface OllamaNodeArgs {
  mesh: MeshPlan;
  /** With placeholders for what is known later. */
  plan: NodePlan;
  /** As it will be. */
  node: pulumi.Output<NodePlan>;
  /** What it knows the balancer by, secret; absent where it asks for no key. */
  apiKey?: pulumi.Output<string>;
  /** NAME=value, secret where one of them is. */
  environment: pulumi.Output<string[]>;
  /** The host of a managed node. */
  host?: GpuHost;
  /** nginx's, for a node's guard. */
  image: pulumi.Output<string>;
  /** What must be there before the node may take traffic. */
  balancers: readonly PlacedBalancer[];
  /** What must be done before its container may be touched: hosts prepared, earlier nodes back in traffic. */
  after: pulumi.Resource[];
}

/** One server behind the balancers: its container if the mesh runs it, and its place in traffic at each of them. */
export class OllamaNode extends pulumi.ComponentResource {
  /** Done once the node takes traffic, one for each balancer. */
  readonly admissions: readonly local.Command[];

  constructor(name: string, args: OllamaNodeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ollama-mesh:index:OllamaNode", name, {}, opts);
    const { plan, host, balancers } = args;
    if (plan.container && host) {
      const { container: planned } = plan;
      const guard = planned.guard
        ? nodeGuard(this, name, { ...args, host, container: planned })
        : undefined;
      const turns = balancers.map((at) => takeTurn(this, name, args, at, guard));
      const container = nodeContainer(this, name, args, host, [
        ...turns,
        ...(guard ? [guard.network] : []),
      ]);
      const made = [container, ...(guard ? [guard.beside(container)] : [])];
      const ids = made.map(({ id }) => id);
      this.admissions = balancers.map((at) => {
        const linked = withKey({ ...args, node: guard?.linkedTo(at) ?? args.node });
        const ready = readyGate(this, name, linked, at, planned, made);
        return admit(this, name, linked, at, [ready], ids);
      });
    } else {
      this.admissions = balancers.map((at) => admit(this, name, withKey(args), at, [at.component]));
    }
    this.registerOutputs({});
  }
}

/** The key is in what reaches the node only, so that nothing else of it is secret. */
const withKey = (args: OllamaNodeArgs): OllamaNodeArgs =>
  args.apiKey === undefined
    ? args
    : {
        ...args,
        node: pulumi.all([args.node, args.apiKey]).apply(([node, apiKey]) => ({ ...node, apiKey })),
      };

/** Before a container is made or replaced: see steps/nodes/turn.ts. */
function takeTurn(
  parent: OllamaNode,
  name: string,
  args: OllamaNodeArgs,
  at: PlacedBalancer,
  guard?: NodeGuard,
) {
  const { mesh, plan } = args;
  const made = pulumi.all([args.node, args.environment, pulumi.output(guard?.spec)]);
  const dependsOn = [at.component, ...args.after];
  const [ownName, options] = stepAt(`${name}-turn`, at, { parent, dependsOn });
  return step(
    ownName,
    { create: "enlist", update: "takeTurn", delete: "delist" },
    {
      balancer: balancerRef(at.plan),
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
    options,
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
  const planned = args.plan.container!;
  const { meshAddress, memoryMiB } = planned;
  const attachment =
    meshAddress === undefined
      ? {}
      : networkAttachment(args.balancers[0]!.component.network, meshAddress);
  return new docker.Container(
    name,
    { ...all, ...attachment, envs: args.environment },
    {
      parent,
      provider: host.provider,
      replacementTrigger: [host.engine, filledIn(planned)].filter(Boolean).join(": "),
      dependsOn: [...host.prepared, ...after],
      deleteBeforeReplace: true,
      // The provider takes a change of these and does not apply it; Docker takes no limit away from what runs.
      replaceOnChanges: [
        ...["healthcheck", "tmpfs"],
        ...(memoryMiB === undefined ? ["memory", "memorySwap"] : []),
      ],
      ...leftAlone(args.plan.offline),
      ...clearOrphan(name, balancerRef(oneThatIsOn(args.balancers).plan), {
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
  { mesh, node, plan, apiKey, balancers }: OllamaNodeArgs,
  at: PlacedBalancer,
  container: ContainerPlan,
  made: docker.Container[],
) {
  const alone = leftAlone(plan.offline);
  const [ownName, options] = stepAt(`${name}-ready`, at, { parent, dependsOn: made, ...alone });
  return step(
    ownName,
    { create: "ready" },
    {
      balancer: balancerRef(at.plan),
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
      ...(apiKey ? { apiKey } : {}),
      ...(container.service
        ? { healthPath: container.service.healthPath, ...probeOf(container.service) }
        : { ...minimumOnGpu(container), ...judgesOf(balancers, plan) }),
    },
    options,
    triggersAt(
      at,
      made.map(({ id }) => id),
    ),
  );
}

const probeOf = ({ probe }: ServicePlan) => (probe ? { probe } : {});

/** Whom a node asks whether it hangs. */
function judgesOf(
  balancers: readonly PlacedBalancer[],
  node: NodePlan,
): { [of in "judge" | "judges"]?: pulumi.Input<ReadyInput[of]> } {
  const all = balancers.flatMap((at) => {
    const source = verdictSource(at.plan, node);
    return source ? [judgeAt(at, node, source)] : [];
  });
  const [judge] = all;
  if (!judge) return {};
  if (balancers.length === 1) return { judge };
  // In the order of their addresses, so that balancers may change places.
  const sorted = Promise.all(all).then((known) =>
    known.toSorted((a, b) => (a.address < b.address ? -1 : 1)),
  );
  return { judges: sorted };
}

/** A name that only ssh knows would lead no node anywhere. */
async function judgeAt({ plan, url }: PlacedBalancer, node: NodePlan, planned: VerdictSource) {
  const source = verdictSource({ ...plan, url: await url }, node) ?? planned;
  return { address: source.address, port: source.via === "mesh" ? VERDICT_PORT : source.port };
}

/** What is asked of a node with GPUs only. */
function minimumOnGpu({ gpus }: ContainerPlan): { minimumGpuPercent?: number } {
  const asked = gpus.minimumPercent ?? GPUS.minimumPercent;
  return (gpus.vendor ?? "none") === "none" || asked === 0 ? {} : { minimumGpuPercent: asked };
}
