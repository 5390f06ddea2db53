import * as pulumi from "@pulumi/pulumi";
import { parseEndpoint } from "../../config/net/engine-endpoint.ts";
import type { HostPlan } from "../../plan/host-plan.ts";
import { describeProblems } from "../../steps/hosts/host-problem.ts";
import { hostsTable } from "../../steps/hosts/hosts-table.ts";
import { askEngine, type HostInspection } from "../../steps/hosts/inspect-host.ts";
import { engineIsMocked } from "../engine-is-mocked.ts";

/** By endpoint, whether an engine answers; one that is not asked is taken for one that does. */
export type AskedEngines = ReadonlyMap<string, boolean | Promise<boolean>>;

/**
 * Asks those engines that Pulumi's docker plugin itself asks as soon as anything is previewed: all that are not behind
 * ssh. It stops there for one that is dead, with a sentence that names none; so such a one is kept from it (see
 * engineAccess), and a preview says which they are. Those declared offline are not asked, and under Pulumi's mocks none.
 */
export function askEngines(mesh: pulumi.Resource, hosts: readonly HostPlan[]): AskedEngines {
  const asked = hosts.filter(({ endpoint }) => parseEndpoint(endpoint)?.kind !== "ssh");
  const inspections = new Map<string, Promise<HostInspection>>();
  const answers = asked.map((host) => {
    const { endpoint, offline } = host;
    if (offline || engineIsMocked()) return [endpoint, !offline] as const;
    const inspection = askEngine(host);
    inspections.set(endpoint, inspection);
    return [endpoint, inspection.then(({ reached }) => reached)] as const;
  });
  // An `up` says it where something is to change there, and a step says it with every problem of every host.
  if (pulumi.runtime.isDryRun()) void warnOfUnreached(mesh, [...inspections.values()]);
  return new Map<string, boolean | Promise<boolean>>(answers);
}

async function warnOfUnreached(mesh: pulumi.Resource, asked: Promise<HostInspection>[]) {
  const unreached = (await Promise.all(asked)).filter(({ reached }) => !reached);
  if (unreached.length === 0) return;
  const lines = [
    `${unreached.length === 1 ? "1 host is" : `${unreached.length} hosts are`} not reached: an up that changes something there is refused`,
    ...hostsTable(unreached).map((line) => `  ${line}`),
    ...unreached.flatMap(({ endpoint, problems }) => describeProblems(endpoint, problems)),
  ];
  await pulumi.log.warn(lines.join("\n"), mesh);
}
