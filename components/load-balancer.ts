import type { local } from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { CONFIG_FILE, CONFIG_FOLDER, NGINX_USER } from "../steps/config-volume.ts";
import { FRONT_PORT } from "../templates/front-door.ts";
import { MANAGEMENT_PORT } from "../templates/management.ts";
import { OPEN_FILES } from "../templates/process.ts";
import { BALANCER } from "./defaults.ts";
import type { GpuHost } from "./gpu-host.ts";
import { MESH_LABEL, NODE_LABEL } from "./names.ts";
import type { BalancerPlan } from "./plan.ts";
import { step } from "./step.ts";

/** Arguments of LoadBalancer. */
export interface LoadBalancerArgs {
  mesh: string;
  plan: BalancerPlan;
  image: pulumi.Input<string>;
  host: GpuHost;
  /** The rendered config, without server lines. */
  base: pulumi.Input<string>;
}

/** nginx in a container, with its config in a volume; nodes are added by their admissions. */
export class LoadBalancer extends pulumi.ComponentResource {
  constructor(name: string, args: LoadBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ollama-mesh:index:LoadBalancer", name, {}, opts);
    const { plan, host } = args;
    const place = balancerPlace(plan);
    const here = { parent: this, provider: host.provider };

    const image = step(
      `${name}-image`,
      { create: "image" },
      { endpoint: plan.endpoint, images: [args.image] },
      { parent: this, dependsOn: [host.preflight] },
    );
    const ports = step(
      `${name}-ports`,
      { create: "ports" },
      {
        endpoint: plan.endpoint,
        container: plan.container,
        image: args.image,
        ports: [{ ip: plan.listen.address, port: plan.listen.port }],
      },
      { parent: this, dependsOn: [image] },
    );
    const network = meshNetwork(name, args, { ...here, dependsOn: [host.preflight] });
    const volume = new docker.Volume(
      `${name}-config`,
      { name: plan.volume, labels: [{ label: MESH_LABEL, value: args.mesh }] },
      { ...here, dependsOn: [host.preflight] },
    );
    const config = step(
      `${name}-config`,
      { create: "applyConfig" },
      { balancer: place, image: args.image, base: args.base },
      { parent: this, dependsOn: [image, network, volume] },
    );
    const container = nginxContainer(name, args, { ...here, dependsOn: [config, ports] });
    servingGate(name, place, container, this);
    this.registerOutputs({});
  }
}

/** Where steps find the balancer: fixed names, so that nothing that depends on it is replaced with it. */
export const balancerPlace = ({ endpoint, container, volume, network }: BalancerPlan) => ({
  endpoint,
  container,
  volume,
  network,
});

function meshNetwork(
  name: string,
  { mesh, plan }: LoadBalancerArgs,
  opts: pulumi.CustomResourceOptions,
) {
  return new docker.Network(
    `${name}-network`,
    {
      name: plan.network,
      driver: "bridge",
      ipamConfigs: [{ subnet: plan.addresses.subnet, gateway: plan.addresses.gateway }],
      labels: [{ label: MESH_LABEL, value: mesh }],
    },
    opts,
  );
}

function nginxContainer(name: string, args: LoadBalancerArgs, opts: pulumi.CustomResourceOptions) {
  const { mesh, plan } = args;
  return new docker.Container(
    name,
    {
      name: plan.container,
      image: args.image,
      command: ["nginx", "-e", "stderr", "-c", CONFIG_FILE, "-g", "daemon off;"],
      user: NGINX_USER,
      ports: [{ ip: plan.listen.address, external: plan.listen.port, internal: FRONT_PORT }],
      networksAdvanced: [{ name: plan.network, ipv4Address: plan.addresses.balancer }],
      volumes: [{ volumeName: plan.volume, containerPath: CONFIG_FOLDER, readOnly: true }],
      tmpfs: { "/tmp": "mode=1777" },
      readOnly: true,
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      memory: BALANCER.memoryMiB,
      memorySwap: BALANCER.memoryMiB,
      ulimits: [{ name: "nofile", soft: OPEN_FILES, hard: OPEN_FILES }],
      // nginx turns proxy_socket_keepalive on, the kernel decides what that means: two minutes here,
      // over two hours by default.
      sysctls: {
        "net.ipv4.tcp_keepalive_time": "60",
        "net.ipv4.tcp_keepalive_intvl": "15",
        "net.ipv4.tcp_keepalive_probes": "4",
      },
      labels: [
        { label: MESH_LABEL, value: mesh },
        { label: NODE_LABEL, value: "balancer" },
      ],
      healthcheck: {
        tests: [
          "CMD",
          "curl",
          "-fsS",
          "-o",
          "/dev/null",
          `http://127.0.0.1:${MANAGEMENT_PORT}/config-hash`,
        ],
        interval: "10s",
        timeout: "3s",
        retries: 3,
        startPeriod: "5s",
      },
      logDriver: "json-file",
      logOpts: { "max-file": "3", "max-size": "10m" },
      restart: "unless-stopped",
      stopSignal: "SIGQUIT",
      stopTimeout: plan.drainTimeoutSeconds,
      destroyGraceSeconds: plan.drainTimeoutSeconds,
    },
    { ...opts, deleteBeforeReplace: true, replaceOnChanges: ["healthcheck", "tmpfs"] },
  );
}

function servingGate(
  name: string,
  place: ReturnType<typeof balancerPlace>,
  container: docker.Container,
  parent: pulumi.Resource,
): local.Command {
  return step(
    `${name}-serving`,
    { create: "serving" },
    { balancer: place, pids: BALANCER.pids },
    { parent, dependsOn: [container] },
    [container.id],
  );
}
