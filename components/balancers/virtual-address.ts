import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { MESH_LABEL, NODE_LABEL } from "../../config/names.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { VirtualAddress } from "../../plan/virtual-address.ts";
import { holdAddressCommand } from "../../steps/balancer/virtual-address/hold-address.ts";
import { keepalivedImageOn } from "../../steps/balancer/virtual-address/keepalived-image.ts";
import type { GpuHost } from "../hosts/gpu-host.ts";
import { step } from "../step.ts";

/** Seconds that keepalived gets to tell the other one that the address is free; it takes one. */
const STOP_SECONDS = 5;

/** keepalived has 6 MiB, and curl as many. */
const MEMORY_MIB = 64;

/** What the container that holds the address is made with. */
export interface VirtualAddressArgs {
  mesh: string;
  plan: BalancerPlan;
  /** nginx's. */
  image: pulumi.Input<string>;
  host: GpuHost;
  parent: pulumi.Resource;
  /** What must serve before the machine may have the address. */
  after: pulumi.Resource;
}

/** keepalived on a balancer's machine, which shares an address with the other one. */
export function virtualAddress(
  name: string,
  args: VirtualAddressArgs & { shared: VirtualAddress },
): void {
  const { mesh, plan, host, parent, after, shared } = args;
  const { endpoint } = plan;
  const nginx = pulumi.output(args.image);
  const image = shared.image ?? nginx.apply(keepalivedImageOn);
  const [text, input] = shared.image
    ? (["image", { endpoint, images: [image] }] as const)
    : (["keepalivedImage", { endpoint, nginx }] as const);
  const hasImage = step(`${name}-address-image`, { create: text }, input, {
    parent,
    dependsOn: [after],
  });
  const container = new docker.Container(
    `${name}-address`,
    { ...addressContainerArgs(mesh, plan, shared), image },
    {
      parent,
      provider: host.provider,
      replacementTrigger: host.engine,
      dependsOn: [hasImage],
      deleteBeforeReplace: true,
      replaceOnChanges: ["tmpfs"],
    },
  );
  step(
    `${name}-address`,
    { create: "holdAddress" },
    { endpoint, container: shared.container },
    { parent },
    [container.id],
  );
}

/** What the docker provider is told of it, but for its image. */
function addressContainerArgs(mesh: string, plan: BalancerPlan, shared: VirtualAddress) {
  return {
    name: shared.container,
    entrypoints: ["sh"],
    command: holdAddressCommand(shared, plan),
    networkMode: "host",
    capabilities: { adds: ["CAP_NET_ADMIN", "CAP_NET_RAW"], drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    readOnly: true,
    tmpfs: { "/run": "mode=755" },
    memory: MEMORY_MIB,
    memorySwap: MEMORY_MIB,
    labels: [
      { label: MESH_LABEL, value: mesh },
      // Not the balancer's: its steps would take it for an nginx.
      { label: NODE_LABEL, value: "balancer.address" },
    ],
    logDriver: "json-file",
    logOpts: { "max-file": "3", "max-size": "10m" },
    restart: "unless-stopped",
    stopTimeout: STOP_SECONDS,
    destroyGraceSeconds: STOP_SECONDS,
  };
}
