import type { HostInspection } from "./inspect-host.ts";

const HEAD = ["host", "docker", "api", "machine", "memory", "disk left", "gpus", "clock", ""];

/** One line per host below a heading, columns aligned; "-" stands for what was not found out. */
export function hostsTable(inspections: readonly HostInspection[]): string[] {
  const rows = [HEAD, ...inspections.map(row)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}

const row = (host: HostInspection): string[] => [
  host.endpoint,
  host.engine ?? "-",
  host.api ?? "-",
  host.architecture ?? "-",
  gib(host.memoryGiB),
  gib(host.freeGiB),
  host.gpus ?? "-",
  clock(host.clockSeconds),
  verdict(host),
];

const gib = (value: number | undefined): string =>
  value === undefined ? "-" : `${Math.round(value)} GiB`;

function clock(seconds: number | undefined): string {
  if (seconds === undefined) return "-";
  return `${seconds < 0 ? "" : "+"}${seconds} s`;
}

function verdict({ reached, problems }: HostInspection): string {
  if (!reached) return "not reached";
  if (problems.length === 0) return "ok";
  return problems.length === 1 ? "1 problem" : `${problems.length} problems`;
}
