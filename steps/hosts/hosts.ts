import { earlierResult } from "../earlier-result.ts";
import { lookAtHost, lookAtOldHost, type HostLook } from "./host-look.ts";
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
  const before: HostsResult = earlierResult<HostsResult>() ?? { fine: {} };
  const changing = input.hosts.filter((host) => before.fine[host.endpoint] !== host.for);
  const declared = [...input.hosts.map(({ endpoint }) => endpoint), ...(input.offline ?? [])];
  const left = Object.entries(before.nodes ?? {}).filter(([old]) => !declared.includes(old));
  const looks = await inTurns(
    [
      ...changing.map((host) => () => lookAtHost(host)),
      ...left.map(
        ([endpoint, nodes]) =>
          () =>
            lookAtOldHost(endpoint, nodes),
      ),
    ],
    (look) => look(),
  );
  const problems = looks.flatMap(({ endpoint, problems }) => inWords(endpoint, problems));
  if (problems.length > 0) {
    const bad = looks.filter(({ problems }) => problems.length > 0).length;
    throw new StepError(
      [
        `${bad} of ${looks.length} hosts cannot take the change; nothing was touched anywhere`,
        ...table(looks).map((line) => `  ${line}`),
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
export function table(looks: readonly HostLook[]): string[] {
  const gib = (value: number | undefined) =>
    value === undefined ? "-" : `${Math.round(value)} GiB`;
  const rows = [
    ["host", "docker", "api", "machine", "memory", "disk left", "gpus", "clock", ""],
    ...looks.map((look) => [
      look.endpoint,
      look.engine ?? "-",
      look.api ?? "-",
      look.architecture ?? "-",
      gib(look.memoryGiB),
      gib(look.freeGiB),
      look.gpus ?? "-",
      look.clockSeconds === undefined
        ? "-"
        : `${look.clockSeconds < 0 ? "" : "+"}${look.clockSeconds} s`,
      !look.reached
        ? "not reached"
        : look.problems.length === 0
          ? "ok"
          : `${look.problems.length} problem${look.problems.length > 1 ? "s" : ""}`,
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
