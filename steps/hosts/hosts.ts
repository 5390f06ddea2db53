import { previousOutput } from "../previous-output.ts";
import { inspectHost, inspectOldHost, type HostInspection } from "./inspect-host.ts";
import type { HostNeeds } from "./host-needs.ts";
import { inWords } from "./preflight.ts";
import { StepError } from "../step-error.ts";

/** So many are asked at the same time: sshd of a jump host on the way turns away more than 10 logins at once. */
const AT_ONCE = 8;

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
 */
export async function hosts(input: HostsInput): Promise<HostsResult> {
  const before: HostsResult = previousOutput<HostsResult>() ?? { fine: {} };
  const changing = input.hosts.filter((host) => before.fine[host.endpoint] !== host.for);
  const declared = [...input.hosts.map(({ endpoint }) => endpoint), ...(input.offline ?? [])];
  const left = Object.entries(before.nodes ?? {}).filter(([old]) => !declared.includes(old));
  const inspections = await inTurns(
    [
      ...changing.map((host) => () => inspectHost(host)),
      ...left.map(
        ([endpoint, nodes]) =>
          () =>
            inspectOldHost(endpoint, nodes),
      ),
    ],
    (inspection) => inspection(),
  );
  const problems = inspections.flatMap(({ endpoint, problems }) => inWords(endpoint, problems));
  if (problems.length > 0) {
    const bad = inspections.filter(({ problems }) => problems.length > 0).length;
    throw new StepError(
      [
        `${bad} of ${inspections.length} hosts cannot take the change; nothing was touched anywhere`,
        ...table(inspections).map((line) => `  ${line}`),
        ...problems,
      ].join("\n"),
    );
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

async function inTurns<T, R>(all: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < all.length) {
      const mine = next++;
      results[mine] = await work(all[mine]!);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** One line per host, columns aligned. */
export function table(inspections: readonly HostInspection[]): string[] {
  const gib = (value: number | undefined) =>
    value === undefined ? "-" : `${Math.round(value)} GiB`;
  const rows = [
    ["host", "docker", "api", "machine", "memory", "disk left", "gpus", "clock", ""],
    ...inspections.map((inspection) => [
      inspection.endpoint,
      inspection.engine ?? "-",
      inspection.api ?? "-",
      inspection.architecture ?? "-",
      gib(inspection.memoryGiB),
      gib(inspection.freeGiB),
      inspection.gpus ?? "-",
      inspection.clockSeconds === undefined
        ? "-"
        : `${inspection.clockSeconds < 0 ? "" : "+"}${inspection.clockSeconds} s`,
      !inspection.reached
        ? "not reached"
        : inspection.problems.length === 0
          ? "ok"
          : `${inspection.problems.length} problem${inspection.problems.length > 1 ? "s" : ""}`,
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
}
