import type {
  NodeStatus,
  Percentiles,
  RoutedStatus,
  Traffic,
} from "../../templates/status/mesh-status.ts";
import type { AskedBalancer } from "./ask-status.ts";

/** What a terminal shows of a balancer's mesh, in lines; what is wrong comes first. */
export function statusText({ balancer, status, error }: AskedBalancer): string[] {
  if (!status) return [`${balancer}: ${error}`];
  if (status.routing === "plain") {
    return [
      `${balancer}: it serves; with routing: plain nginx keeps to itself which nodes are well. ollama-mesh doctor asks them`,
    ];
  }
  const { problems, nodes, models, away } = status;
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return [
    `${balancer}: ${problems.length === 0 ? "all is well" : count}`,
    ...columns(problems.map(({ of, text }) => ["", of, text])),
    "",
    ...columns([NODE_HEADS, ...nodes.map(nodeCells), ...awayCells(away)]),
    "",
    ...columns([
      ["MODEL", "IN MEMORY OF", "ON DISK OF", "NOT WELL"],
      ...models.map(({ name, pool, loaded, disk, notWell }) => [
        name + (pool === undefined ? "" : ` (pool ${pool})`),
        ...[loaded, disk, notWell].map(listed),
      ]),
    ]),
    "",
    ...trafficLines(status),
    configLine(status),
  ];
}

const NODE_HEADS = ["NODE", "STATE", "IN FLIGHT", "SPEED", "IN MEMORY", "ON DISK", "VERSION"];

function nodeCells(node: NodeStatus): string[] {
  const { name, pool, state, inFlight, places, bytesPerSecond, models, version } = node;
  const { backup, drain } = node;
  const role = [backup ? "backup" : [], drain ? "draining" : []].flat();
  const inMemory = models
    .filter(({ loaded }) => loaded)
    .map(({ name: model, bytes, gpuPercent }) => {
      const of = [
        bytes === undefined ? [] : size(bytes),
        gpuPercent === undefined ? [] : `${gpuPercent} % GPU`,
      ];
      const more = of.flat().join(", ");
      return more === "" ? model : `${model} (${more})`;
    });
  return [
    name + (pool === undefined ? "" : ` (pool ${pool})`),
    [state, ...role].join(", "),
    places > 0 ? `${inFlight} of ${places}` : `${inFlight}`,
    bytesPerSecond > 0 ? `${size(bytesPerSecond)}/s` : "-",
    listed(inMemory),
    listed(models.filter(({ loaded }) => !loaded).map(({ name: model }) => model)),
    version || "-",
  ];
}

const awayCells = ({ maintenance, out }: RoutedStatus["away"]): string[][] =>
  [
    ...maintenance.map((name) => [name, "maintenance"]),
    ...out.map((name) => [name, "out of traffic"]),
  ].map((cells) => [...cells, "-", "-", "-", "-", "-"]);

const listed = (names: readonly string[]): string => (names.length > 0 ? names.join(", ") : "-");

function trafficLines({ traffic }: RoutedStatus): string[] {
  if (!traffic) return ["requests: nothing is known yet"];
  const { minute, hour } = traffic;
  const rate = (minute.ended / Math.max(1, minute.seconds)).toFixed(1);
  return [
    `requests: ${rate} per second in the last ${minute.seconds} s; ${hour.ended} in the last ${Math.round(hour.seconds / 60)} min, ${wrongOf(hour)}`,
    `first token: ${spread(hour.firstByte)}; whole answer: ${spread(hour.duration)}`,
  ];
}

function wrongOf({ refused, failed }: Traffic): string {
  const texts = Object.entries(refused).map(([code, count]) => `${count} refused with ${code}`);
  if (failed > 0) texts.push(`${failed} failed at a node`);
  return texts.join(", ") || "none refused or failed";
}

const spread = (of?: Percentiles): string =>
  of ? `half within ${of.p50} s, 95 % ${of.p95} s, 99 % ${of.p99} s` : "none";

const configLine = ({ config: { hash, since } }: RoutedStatus): string =>
  `config: ${hash || "not known yet"}${since > 0 ? ` since ${new Date(since).toISOString()}` : ""}`;

/** Bytes as people write them. */
function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** Rows with columns of equal width; the last one is as long as it is. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((cells) => cells[at]?.length ?? 0)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, at) => (at === cells.length - 1 ? cell : cell.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd(),
  );
}
