import pMap from "p-map";
import { HOSTS_AT_ONCE } from "../limits.ts";
import { previousOutput } from "../previous-output.ts";
import { StepError } from "../step-error.ts";
import type { HostNeeds } from "./host-needs.ts";
import { describeProblems } from "./host-problem.ts";
import { hostsTable } from "./hosts-table.ts";
import { type HostInspection, type OldHost, inspectHost, inspectOldHost } from "./inspect-host.ts";

/** All hosts of a mesh. */
export interface HostsInput {
  hosts: (HostNeeds & {
    /** What will be on it: a host of which nothing changes is left alone, for it may be off. */
    for: string;
  })[];
  /** Engines that are declared switched off: nobody asks them. */
  offline?: string[];
}

/** What was found fine, by endpoint: the value of `for` at that time. */
export interface HostsResult {
  fine: Record<string, string>;
  /** Names of the nodes of those that have any. */
  nodes?: Record<string, string[]>;
}

/**
 * Looks at all hosts of which something changes, before anything is changed anywhere, and shows them in
 * one table with every problem of every host. Those that are no longer declared are among them: what is
 * there must be removed.
 *
 * @throws StepError with that table when any of them cannot take the change
 */
export async function hosts(input: HostsInput): Promise<HostsResult> {
  const before = previousOutput<HostsResult>() ?? { fine: {} };
  const changing = input.hosts.filter((host) => before.fine[host.endpoint] !== host.for);
  const inspections = await pMap(
    [...changing, ...oldHosts(input, before)],
    (host) => ("for" in host ? inspectHost(host) : inspectOldHost(host)),
    { concurrency: HOSTS_AT_ONCE },
  );
  if (inspections.some(({ problems }) => problems.length > 0)) {
    throw new StepError(refusal(inspections));
  }
  return {
    fine: Object.fromEntries(input.hosts.map(({ endpoint, for: what }) => [endpoint, what])),
    nodes: Object.fromEntries(
      input.hosts.flatMap(({ endpoint, nodes = [] }) =>
        nodes.length > 0 ? [[endpoint, nodes]] : [],
      ),
    ),
  };
}

/** Hosts that had nodes the last time and are declared no longer, not even as switched off. */
function oldHosts({ hosts, offline = [] }: HostsInput, before: HostsResult): OldHost[] {
  const declared = [...hosts.map(({ endpoint }) => endpoint), ...offline];
  return Object.entries(before.nodes ?? {}).flatMap(([endpoint, nodes]) =>
    declared.includes(endpoint) ? [] : [{ endpoint, nodes }],
  );
}

function refusal(inspections: readonly HostInspection[]): string {
  const bad = inspections.filter(({ problems }) => problems.length > 0).length;
  return [
    `${bad} of ${inspections.length} hosts cannot take the change; nothing was touched anywhere`,
    ...hostsTable(inspections).map((line) => `  ${line}`),
    ...inspections.flatMap(({ endpoint, problems }) => describeProblems(endpoint, problems)),
  ].join("\n");
}
