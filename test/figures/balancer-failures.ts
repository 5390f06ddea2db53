// How the balancer takes failing nodes: two tables, a killed node and a node without power, under load. Three
// minutes. Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/balancer-failures.ts
// Its figures stand in docs/measurements.md, "Nodes that fail".
import type { BalancerArgs } from "../../config/balancer-args.ts";
import type { Known } from "../../config/mesh-config.ts";
import {
  blackHole,
  busyFleet,
  FAILURES,
  poisonPrompt,
  type BlackHole,
  type BusyFleet,
} from "./balancer-cells.ts";
import { killedNode, lostPower, type KilledNode } from "./balancer-deaths.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

/** Longer than the default set-up takes to leave out the slowest of them, a node that drops packets. */
const BAD_SECONDS = 12;

const PROFILES: Record<string, Known<BalancerArgs>> = {
  llm: {},
  strict: { retry: { profile: "strict" } },
};

const seconds = (value: number | undefined) => (value === undefined ? "never" : value.toFixed(1));
const share = (part: number, whole: number) =>
  `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(" | ")} |`);
const heading = (...cells: string[]) => {
  row(...cells);
  row(...cells.map(() => "---"));
};

function printBlackHole(profile: string, failure: string, cell: BlackHole): void {
  const { requests, errors, stuck, late, slowestMs, outSeconds, backSeconds } = cell;
  const slowest = `${(slowestMs / 1000).toFixed(1)} s`;
  row(
    profile,
    failure,
    share(errors, requests),
    stuck,
    late,
    slowest,
    seconds(outSeconds),
    seconds(backSeconds),
  );
}

function printBusy(
  profile: string,
  { requests, errors, afterSeconds, servedAfter }: BusyFleet,
): void {
  row(profile, share(errors, requests), seconds(afterSeconds), share(servedAfter, 1));
}

function printKilled({
  requests,
  beforeFirstByte,
  broken,
  lastSeconds,
  backSeconds,
}: KilledNode): void {
  console.log(
    `\nOne of three nodes killed (kill -9) under load: of ${requests} requests ${beforeFirstByte} failed before the first byte, ${broken} broke off in their stream (those it was answering). Last failure ${seconds(lastSeconds)} s after the kill. First answer ${seconds(backSeconds)} s after its restart.`,
  );
}

/** What the kernel does by itself: for a write 15 minutes, for a read two hours; then what balancers get. */
const KERNELS = {
  "as Linux is": ["net.ipv4.tcp_retries2=15", "net.ipv4.tcp_keepalive_time=7200"],
  "as set (SYSCTLS)": [],
};

async function printPower(): Promise<void> {
  console.log("\nOne of two nodes loses its power, eight clients:\n");
  heading("kernel", "clients", "stuck", "longest wait s", "errors");
  const rows = Object.entries(KERNELS).flatMap(([kernel, sysctls]) =>
    [false, true].map(async (streams) => {
      const args = sysctls.flatMap((each) => ["--sysctl", each]);
      const seen = await lostPower(image!, {}, args, 60, { streams });
      return [kernel, streams ? "in a stream" : "between requests", seen] as const;
    }),
  );
  for (const [kernel, what, { stuck, stuckSeconds, errors }] of await Promise.all(rows)) {
    const longest = stuckSeconds > 59 ? "over 60" : seconds(stuckSeconds);
    row(kernel, what, stuck, longest, errors);
  }
}

console.log(`One of four nodes fails for ${BAD_SECONDS} s, eight clients:\n`);
heading(
  "profile",
  "node",
  "client errors",
  "clients stuck",
  "over 1 s",
  "slowest served",
  "s until out",
  "s until back",
);
const busy: [string, BusyFleet][] = [];
for (const [profile, balancer] of Object.entries(PROFILES)) {
  // Side by side: they wait more than they work.
  const [cells, fleet] = await Promise.all([
    Promise.all(
      FAILURES.map((failure) => blackHole(image, failure, balancer, { badSeconds: BAD_SECONDS })),
    ),
    busyFleet(image, balancer),
  ]);
  cells.forEach((cell, index) => printBlackHole(profile, FAILURES[index]!, cell));
  busy.push([profile, fleet]);
}

console.log("\nAll four nodes answer 503 for 2 s, eight clients that wait 50 ms after an error:\n");
heading("profile", "client errors", "s of errors after the 2 s", "served in the 3 s after");
for (const [profile, fleet] of busy) printBusy(profile, fleet);

console.log("\nA ninth client sends prompts that every node answers with 500:\n");
heading("profile", "prompts/s", "errors of the other eight");
for (const [profile, balancer] of Object.entries(PROFILES)) {
  const rates = [2, 10, 100];
  const all = await Promise.all(
    rates.map((rate) => poisonPrompt(image, balancer, { pauseMs: 1000 / rate })),
  );
  all.forEach(({ requests, errors }, index) =>
    row(profile, rates[index]!, share(errors, requests)),
  );
}

printKilled(await killedNode(image, {}));
await printPower();
