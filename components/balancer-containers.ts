import type { local } from "@pulumi/command";
import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { NGINX } from "../config/defaults.ts";
import { balancerRef } from "../plan/balancer-ref.ts";
import { MIGRATE_SYSCTL } from "../steps/balancer/front/migrates-queues.ts";
import {
  frontContainerArgs,
  nginxContainerArgs,
  SYSCTLS,
} from "./containers/balancer-container.ts";
import { closerContainer, type CloserArgs } from "./containers/connection-closer.ts";
import type { GpuHost } from "./hosts/gpu-host.ts";
import { setAside } from "./orphan.ts";
import { step } from "./step.ts";

// Two containers: the front owns ports, address and sysctls, and stays; nginx joins its network and its processes, and is
// replaced beside the one before. See steps/balancer/front/keep-ports.pl and steps/balancer/serving.ts.

/** What the containers of a balancer are made with. */
export interface BalancerContainersArgs extends CloserArgs {
  host: GpuHost;
  network: docker.Network;
  /** Those of the log driver; absent where none are declared. */
  logOptions?: pulumi.Output<Record<string, string>>;
  /** That nginx is down, and must be started; undefined where it is not. */
  down: string | undefined;
  /** Seconds that the streams of an nginx get once another one has taken its place. */
  drainSeconds: number;
  parent: pulumi.Resource;
  /** What must be there before the front is made, and its image. */
  after: pulumi.Resource[];
  hasImage: pulumi.Resource;
}

/** Makes them, and lets traffic come once nginx answers. */
export function balancerContainers(name: string, args: BalancerContainersArgs): local.Command {
  const front = frontContainer(name, args, kernelOfHost(name, args));
  const nginx = nginxContainer(name, args, front);
  if (args.plan.closeOnFailure) closerContainer(name, args, front);
  return servingGate(name, args, front, nginx);
}

/** Asked once for each engine: whatever it is asked with later is no change of the front. */
function kernelOfHost(
  name: string,
  { plan, image, host, parent, hasImage }: BalancerContainersArgs,
): local.Command {
  return step(
    `${name}-kernel`,
    { create: "migratesQueues" },
    { endpoint: plan.endpoint, image },
    {
      parent,
      dependsOn: [hasImage],
      ignoreChanges: ["stdin"],
      replacementTrigger: host.engine,
    },
  );
}

function frontContainer(
  name: string,
  { mesh, plan, image, host, network, logOptions, parent, after }: BalancerContainersArgs,
  kernel: local.Command,
): docker.Container {
  const made = frontContainerArgs(mesh, plan);
  return new docker.Container(
    name,
    {
      ...made,
      ...(logOptions ? { logOpts: logOptions } : {}),
      // So that it is removed before the network is: Docker removes none with a container in it. It keeps its hostname where it joins another one.
      hostname: network.id.apply((id) => id.slice(0, 12)),
      sysctls: kernel.stdout.apply((printed) => ({
        ...SYSCTLS,
        ...((JSON.parse(printed) as { migrates: boolean }).migrates
          ? { [MIGRATE_SYSCTL]: "1" }
          : {}),
      })),
      image,
    },
    {
      parent,
      provider: host.provider,
      // The provider reads of ports what Docker publishes, which it does not yet: it would see a change for ever.
      replacementTrigger: JSON.stringify([host.engine, made.ports]),
      dependsOn: after,
      // A new one is prepared while the one before serves.
      deleteBeforeReplace: false,
      // Nothing of nginx replaces it. A name of its own stays: the config has a node by that until it is drained.
      ignoreChanges: ["hostname", "image", "ports", ...(plan.hostGateway ? [] : ["hosts"])],
      replaceOnChanges: ["healthcheck", "tmpfs"],
      ...setAside(name, {
        endpoint: plan.endpoint,
        name: plan.container,
        mesh,
      }),
    },
  );
}

function nginxContainer(
  name: string,
  { mesh, plan, image, host, logOptions, drainSeconds, parent }: BalancerContainersArgs,
  front: docker.Container,
): docker.Container {
  const joined = front.id.apply((id) => `container:${id}`);
  return new docker.Container(
    `${name}-nginx`,
    {
      ...nginxContainerArgs(mesh, plan, drainSeconds),
      ...(logOptions ? { logOpts: logOptions } : {}),
      networkMode: joined,
      pidMode: joined,
      image,
    },
    {
      parent,
      provider: host.provider,
      replacementTrigger: host.engine,
      deleteBeforeReplace: false,
      replaceOnChanges: ["healthcheck", "tmpfs"],
    },
  );
}

function servingGate(
  name: string,
  { mesh, plan, down, parent }: BalancerContainersArgs,
  front: docker.Container,
  nginx: docker.Container,
): local.Command {
  return step(
    `${name}-serving`,
    { create: "serving" },
    {
      balancer: balancerRef(plan),
      mesh,
      front: front.id,
      nginx: nginx.id,
      address: plan.addresses.balancer,
      pids: NGINX.pids,
      ...(plan.virtualAddress ? { virtualAddress: plan.virtualAddress.container } : {}),
      ...(plan.networks ? { networks: plan.networks } : {}),
    },
    { parent, drift: down },
    [nginx.id],
  );
}
