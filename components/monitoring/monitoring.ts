import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { MESH_LABEL } from "../../config/names.ts";
import type { MonitoringStatus } from "../../config/mesh-args.ts";
import { shortHash } from "../../config/short-hash.ts";
import type { Watching } from "../../plan/addresses.ts";
import { balancerRef } from "../../plan/balancer-ref.ts";
import type { MonitoringPlan, Watcher } from "../../plan/monitoring-plan.ts";
import { alertmanagerFiles } from "../../templates/monitoring/alertmanager-files.ts";
import { grafanaFiles } from "../../templates/monitoring/grafana-files.ts";
import { prometheusFiles } from "../../templates/monitoring/prometheus-files.ts";
import { stepAt, type PlacedBalancer } from "../balancers/placed-balancer.ts";
import {
  alertmanagerContainerArgs,
  grafanaContainerArgs,
  prometheusContainerArgs,
  USERS,
} from "../containers/monitoring-containers.ts";
import type { GpuHost } from "../hosts/gpu-host.ts";
import { networkAttachment } from "../balancers/mesh-network.ts";
import { clearOrphan } from "../orphan.ts";
import { step } from "../step.ts";

/** Seconds until a container must be well: Grafana makes its database on a slow disk. */
const WELL_SECONDS = 180;

/** Arguments of Monitoring. */
export interface MonitoringComponentArgs {
  mesh: string;
  plan: MonitoringPlan;
  /** nginx's, which writes the files. */
  image: pulumi.Input<string>;
  /** The URL that is told of alerts, secret; absent for none. */
  webhook?: pulumi.Output<string>;
  host: GpuHost;
  at: PlacedBalancer;
}

/** Prometheus, and what goes with it, beside one balancer. Nothing of the mesh waits for it. */
export class Monitoring extends pulumi.ComponentResource {
  readonly status: pulumi.Output<MonitoringStatus>;

  constructor(name: string, args: MonitoringComponentArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ollama-mesh:index:Monitoring", name, {}, opts);
    const { mesh, plan, webhook } = args;
    const making: Making = { ...args, name, parent: this, after: prepared(name, args, this) };
    const password = plan.grafana || webhook ? passwordOf(name, this) : pulumi.output("");
    if (plan.alertmanager && webhook) {
      watcher(making, "alertmanager", plan.alertmanager, {
        files: webhook.apply(alertmanagerFiles),
        // A URL may be guessed by its hash.
        salt: password,
        container: (files) => alertmanagerContainerArgs(mesh, plan, files),
      });
    }
    watcher(making, "prometheus", plan.prometheus, {
      files: pulumi.output(prometheusFiles(plan)),
      kept: true,
      container: (files) => prometheusContainerArgs(mesh, plan, files),
    });
    if (plan.grafana) {
      watcher(making, "grafana", plan.grafana, {
        files: password.apply((known) => grafanaFiles(plan, known)),
        // With the password: the next one would not open it.
        kept: false,
        container: (files) => grafanaContainerArgs(mesh, plan, files),
      });
    }
    this.status = pulumi.output({
      prometheusUrl: plan.urls.prometheus,
      ...(plan.urls.grafana === undefined
        ? {}
        : { grafanaUrl: plan.urls.grafana, grafanaPassword: password }),
    });
    this.registerOutputs({});
  }
}

/** What the containers have in common. */
interface Making extends MonitoringComponentArgs {
  name: string;
  parent: pulumi.Resource;
  /** What must be done before. */
  after: pulumi.Resource[];
}

/** One of them. */
interface Spec {
  files: pulumi.Output<Record<string, string>>;
  /** For the hash of files that could be guessed. */
  salt?: pulumi.Output<string>;
  /** Whether what it writes outlives the stack; absent where it writes nothing. */
  kept?: boolean;
  container: (files: string) => { name: string };
}

/** Images, and ports that are free: before anything is made. */
function prepared(
  name: string,
  { plan, image, host, at }: MonitoringComponentArgs,
  parent: pulumi.Resource,
): pulumi.Resource[] {
  const { balancer, address, prometheus, grafana, alertmanager } = plan;
  const { endpoint } = balancer;
  const watchers = [
    prometheus,
    ...(grafana ? [grafana] : []),
    ...(alertmanager ? [alertmanager] : []),
  ];
  const images = step(
    `${name}-images`,
    { create: "image" },
    { endpoint, images: [image, ...watchers.map((each) => each.image)] },
    { parent, dependsOn: [host.preflight] },
  );
  const ports = [prometheus, ...(grafana ? [grafana] : [])].map(({ container, port }) => {
    const [ownName, options] = stepAt(`${container}-ports`, at, { parent, dependsOn: [images] });
    return step(
      ownName,
      { create: "ports" },
      { endpoint, container, image, ports: [{ ip: address, port }] },
      options,
    );
  });
  return [images, ...ports];
}

/** Made once and kept, secret, in the state. */
function passwordOf(name: string, parent: pulumi.Resource): pulumi.Output<string> {
  const made = step(
    `${name}-password`,
    { create: "makePassword" },
    {},
    { parent, additionalSecretOutputs: ["stdout"] },
  );
  // Under mocks nothing is printed.
  return pulumi
    .secret(made.stdout)
    .apply((printed) => (JSON.parse(printed || "{}") as { password?: string }).password ?? "");
}

/** Its volumes, its files in one of them, and its container, which other files replace. */
function watcher(making: Making, program: Watching, planned: Watcher, spec: Spec): void {
  const { mesh, plan, name, image, host, at, parent, after } = making;
  const ownName = `${name}-${program}`;
  const { endpoint } = plan.balancer;
  const labels = [{ label: MESH_LABEL, value: mesh }];
  const here = { parent, provider: host.provider, replacementTrigger: host.engine };
  const volumeName = pulumi.unsecret(
    pulumi
      .all([spec.files, spec.salt ?? ""])
      .apply((all) => `${planned.container}-${shortHash(JSON.stringify(all), 12)}`),
  );
  const filesVolume = new docker.Volume(
    `${ownName}-files`,
    { name: volumeName, labels },
    // The one before is in use until its container is gone.
    { ...here, dependsOn: after, deleteBeforeReplace: false },
  );
  const files = step(
    `${ownName}-files`,
    { create: "keepFiles" },
    { endpoint, volume: volumeName, image, user: USERS[program], files: spec.files },
    { parent, dependsOn: [filesVolume, ...after] },
  );
  const data =
    spec.kept === undefined
      ? []
      : [
          new docker.Volume(
            ownName,
            { name: planned.volume, labels },
            { ...here, dependsOn: after, retainOnDelete: spec.kept },
          ),
        ];
  const orphan = { kind: "container" as const, endpoint, name: planned.container };
  new docker.Container(
    ownName,
    {
      ...(spec.container("") as docker.ContainerArgs),
      volumes: filesVolume.name.apply(
        (known) => (spec.container(known) as docker.ContainerArgs).volumes,
      ) as docker.ContainerArgs["volumes"],
      ...networkAttachment(at.component.network, planned.address),
      wait: true,
      waitTimeout: WELL_SECONDS,
    },
    {
      ...here,
      dependsOn: [files, ...data],
      // It holds its port and its data.
      deleteBeforeReplace: true,
      replaceOnChanges: ["healthcheck", "tmpfs"],
      ...clearOrphan(ownName, balancerRef(plan.balancer), { ...orphan, label: MESH_LABEL, mesh }),
    },
  );
}
