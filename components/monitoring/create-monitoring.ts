import type * as pulumi from "@pulumi/pulumi";
import type { MonitoringStatus, OllamaMeshArgs } from "../../config/mesh-args.ts";
import { leftAsItIs } from "../balancers/create-balancers.ts";
import { formerNames, nameAt } from "../balancers/per-balancer.ts";
import type { PlacedBalancer } from "../balancers/placed-balancer.ts";
import { byName } from "../by-name.ts";
import type { GpuHost } from "../hosts/gpu-host.ts";
import { nginxImage } from "../hosts/gpu-hosts.ts";
import type { LateValues } from "../late-values.ts";
import { Monitoring } from "./monitoring.ts";

/**
 * Makes what watches the mesh, beside each balancer.
 *
 * @returns where the first is looked at; undefined where none is declared
 */
export function createMonitoring(
  mesh: pulumi.Resource,
  { plan, webhook }: LateValues,
  hosts: Map<string, GpuHost>,
  balancers: PlacedBalancer[],
  args: OllamaMeshArgs,
): pulumi.Output<MonitoringStatus> | undefined {
  const made = (plan.monitoring ?? []).map((planned, i) => {
    const at = balancers[i]!;
    const name = `${plan.name}-monitoring`;
    return new Monitoring(
      nameAt(name, at.plan),
      {
        mesh: plan.name,
        plan: planned,
        image: nginxImage(args),
        ...(webhook ? { webhook } : {}),
        host: byName(hosts, at.plan.endpoint),
        at,
      },
      {
        parent: mesh,
        aliases: formerNames(name, at.plan, at.isFirst),
        ...(at.plan.offline ? { transformations: [leftAsItIs] } : {}),
      },
    );
  });
  return made[0]?.status;
}
