import type { local } from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { MESH_LABEL } from "../../config/names.ts";
import type { HostPlan } from "../../plan/host-plan.ts";
import type { PullSettings } from "../../plan/ollama-environment.ts";
import type { ModelStoreRef } from "../../steps/models/model-store.ts";
import { parseEndpoint } from "../../config/net/engine-endpoint.ts";
import type { MountedService } from "../../steps/nodes/mounts.ts";
import { leftAlone, step } from "../step.ts";
import { engineAccess } from "./engine-access.ts";

/** Arguments of GpuHost. */
export interface GpuHostArgs {
  mesh: string;
  plan: HostPlan;
  /** Whether its engine answers: see askEngines. */
  answers: boolean | Promise<boolean>;
  /** Images of the nodes on it. */
  images: pulumi.Input<string[]>;
  /** Its models, and where others find them; of a host with Ollama only. */
  models: pulumi.Input<ModelStoreRef>;
  /** The other hosts with Ollama, which may have the models already; absent where there is none. */
  peers?: pulumi.Input<ModelStoreRef[]>;
  /** Its services with mounts, and the image that looks where one has no shell; absent where there is none. */
  mounts?: { services: pulumi.Input<MountedService[]>; helper: pulumi.Input<string> };
  /** What its downloads of models need; absent for nothing. */
  pulls?: pulumi.Input<PullSettings>;
  /** Hash of what is to be on the host: a change of it is preceded by a new look at the host. */
  purpose: pulumi.Input<string>;
  /** GiB that must stay free on the disk of the models: rollout.minimumFreeGib. */
  minimumFreeGiB: number;
  /** What must be done before even this host is asked. */
  after: pulumi.Resource[];
}

/** One Docker engine: reachable, with the images and models that its nodes need. */
export class GpuHost extends pulumi.ComponentResource {
  readonly provider: docker.Provider;
  /**
   * Which engine it is: what is on it is replaced when this changes. Pulumi by itself keeps what merely
   * got another provider, and looks for it on the new engine for ever.
   */
  readonly engine: string;
  readonly preflight: local.Command;
  /** What containers on it wait for. */
  readonly prepared: pulumi.Resource[];

  constructor(name: string, args: GpuHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ollama-mesh:index:GpuHost", name, {}, opts);
    const { endpoint, key, offline } = args.plan;
    const alone = leftAlone(offline);
    this.engine = key;
    // One behind ssh is never asked, so that its provider can stay as it is while the host is off.
    const stays = parseEndpoint(endpoint)?.kind === "ssh" ? alone : {};
    const access = engineAccess(endpoint, args.answers);
    this.provider = new docker.Provider(name, access, { parent: this, ...stays });
    this.preflight = step(`${name}-preflight`, { create: "preflight" }, hostNeeds(args), {
      parent: this,
      dependsOn: args.after,
      ...alone,
    });
    this.prepared = args.plan.images.length > 0 ? prepareNodes(this, name, args) : [this.preflight];
    this.registerOutputs({});
  }
}

/** What a look at the host is about. */
export function hostNeeds({
  mesh,
  plan,
  purpose,
  minimumFreeGiB,
}: Omit<GpuHostArgs, "after" | "answers">) {
  const { endpoint, nvidia, amd, vulkan, ports, nodes, offline, ollama, volume } = plan;
  const { network, byAddress, spare, cpus } = plan;
  // Of another disk only the machine itself knows how full it is: the step that downloads asks.
  const inVolume = ollama && plan.modelsPath === undefined;
  return {
    ...{ endpoint, nvidia, amd, ports, nodes, mesh },
    ...(inVolume ? { volume, minimumFreeGiB } : {}),
    ...(vulkan ? { vulkan } : {}),
    ...(cpus ? { cpus } : {}),
    ...(network ? { network } : {}),
    ...(byAddress ? { byAddress } : {}),
    ...(spare ? { spare } : {}),
    ...(offline ? { offline } : {}),
    for: purpose,
  };
}

/** Images, then models in Ollama's volume: all of it before any container of a node is touched. */
function prepareNodes(host: GpuHost, name: string, args: GpuHostArgs): pulumi.Resource[] {
  const { mesh, plan } = args;
  const { endpoint } = plan;
  const alone = leftAlone(plan.offline);
  const images = step(
    `${name}-images`,
    { create: "image" },
    { endpoint, images: args.images },
    { parent: host, dependsOn: [host.preflight], ...alone },
  );
  const mounts = args.mounts
    ? [
        step(
          `${name}-mounts`,
          { create: "mounts" },
          { endpoint, ...args.mounts },
          { parent: host, dependsOn: [images], ...alone },
        ),
      ]
    : [];
  if (!plan.ollama) return [host.preflight, images, ...mounts];
  const volume = new docker.Volume(
    `${name}-models`,
    { name: plan.volume, labels: [{ label: MESH_LABEL, value: mesh }] },
    {
      parent: host,
      provider: host.provider,
      dependsOn: [host.preflight],
      // Models are hours of download: they outlive the stack, and no label is worth them.
      retainOnDelete: true,
      ignoreChanges: ["labels"],
      ...alone,
    },
  );
  const models = step(
    `${name}-models`,
    { create: "models" },
    {
      endpoint,
      // "." keeps it apart from every node's container.
      container: `${mesh}.models`,
      image: pulumi.output(args.models).image,
      volume: plan.volume,
      ...(plan.modelsPath === undefined ? {} : { modelsPath: plan.modelsPath }),
      ...(args.pulls ? { pulls: args.pulls } : {}),
      models: plan.models,
      minimumFreeGiB: args.minimumFreeGiB,
      labels: [`${MESH_LABEL}=${mesh}`],
      ...(args.peers ? { peers: args.peers } : {}),
    },
    { parent: host, dependsOn: [images, volume], ...alone },
  );
  return [host.preflight, images, ...mounts, volume, models];
}
