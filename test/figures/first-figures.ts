// The first figures of a mesh on this machine, measured and printed, never asserted. Run it as
// `node toolchain/exec.mjs node test/figures/first-figures.ts`, with the lab's images and model
// named in the environment as test/support/needs.ts lists them.
// Its figures stand in docs/measurements.md, "How long an up takes" and "Nodes that fail".
import { availableParallelism, loadavg } from "node:os";

import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import {
  failures,
  inFlight,
  load,
  type Outcome,
  served,
  startLoad,
} from "../engine/support/load.ts";
import { Stack } from "../engine/support/stack.ts";
import { lacking } from "../support/needs.ts";

const missing = lacking("OLLAMA_MESH_OLLAMA_IMAGE", "OLLAMA_MESH_NGINX_IMAGE", "OLLAMA_MESH_MODEL");
if (missing) throw new Error(missing);
const model = process.env["OLLAMA_MESH_MODEL"]!;

const rows: [string, string][] = [];
const show = (what: string, value: string) => {
  rows.push([what, value]);
  console.error(`${what}: ${value}`);
};
const seconds = (value: number) => `${value.toFixed(1)} s`;
const counts = (values: Record<string, number>, digits = 0) =>
  Object.entries(values)
    .map(([node, value]) => `${node || "none"} ${value.toFixed(digits)}`)
    .join(", ");

/** Percentile of the time to the first byte. */
function firstByte(outcomes: readonly Outcome[], percent: number): string {
  const times = outcomes
    .flatMap(({ firstByte: at, began }) => (at === undefined ? [] : [at - began]))
    .sort((a, b) => a - b);
  const at = times[Math.min(times.length - 1, Math.floor((times.length * percent) / 100))];
  return at === undefined ? "none" : `${at.toFixed(0)} ms`;
}

function ends(outcomes: readonly Outcome[]): string {
  const failed = (when: string) => outcomes.filter(({ failure }) => failure?.when === when).length;
  const early = failed("before the first byte");
  const late = failed("in the stream");
  return `${outcomes.length} requests, ${early} failed before the first byte, ${late} broken in the stream`;
}

const stack = await Stack.init({
  nodes: [
    { name: "a", weight: 2 },
    { name: "b", weight: 1 },
    { name: "c", backup: true },
  ],
  models: [model],
  image: process.env["OLLAMA_MESH_OLLAMA_IMAGE"],
  balancer: { image: process.env["OLLAMA_MESH_NGINX_IMAGE"] },
});
try {
  const load1 = loadavg()[0]!.toFixed(1);
  show("machine", `${availableParallelism()} cores, load ${load1} at the start`);
  show("preview of the new stack", seconds((await stack.preview()).seconds));
  show("up, images and plugins in place", seconds((await stack.up()).seconds));
  const second = await stack.up();
  show("second up", `${seconds(second.seconds)}, ${second.changes.length} changes`);

  const ask = { url: stack.url, model };
  const single = await load({ ...ask, atATime: 1, total: 60 });
  show("60 requests one at a time, served (weights 2:1)", counts(served(single)));
  show("  first byte p50, p99", `${firstByte(single, 50)}, ${firstByte(single, 99)}`);
  const many = await load({ ...ask, tokens: 128, atATime: 16, total: 200 });
  const took = Math.max(...many.map(({ ended }) => ended)) - many[0]!.began;
  show("200 streams of 128 tokens, 16 at a time", `${ends(many)}, ${seconds(took / 1000)}`);
  show("  in flight, average (weights 2:1)", counts(inFlight(many, 16), 1));
  show("  served", counts(served(many)));
  show("  first byte p50, p99", `${firstByte(many, 50)}, ${firstByte(many, 99)}`);

  const running = startLoad({ ...ask, atATime: 16 });
  await running.more(50, 120);
  await run("docker", ["kill", `${stack.mesh}-a`]);
  const killed = performance.now();
  await running.more(150, 120);
  await run("docker", ["kill", `${stack.mesh}-b`]);
  const alone = performance.now();
  await running.more(150, 120);
  running.stop();
  const all = await running.done;
  const between = (from: number, to: number) =>
    all.filter(({ began }) => began >= from && began < to);
  show("16 at a time, a killed, then b", ends(all));
  show("  begun after a was killed, served", counts(served(between(killed, alone))));
  show("  first byte, longest", firstByte(between(killed, alone), 100));
  show("  begun after b was killed too, served", counts(served(between(alone, Infinity))));
  show("  first byte, longest", firstByte(between(alone, Infinity), 100));
  for (const failure of new Set(failures(all))) show("  failure", failure);

  await run("docker", ["start", `${stack.mesh}-a`, `${stack.mesh}-b`]);
  const back = performance.now();
  await until(
    "traffic at both primaries",
    async () => {
      const some = await load({ ...ask, atATime: 4, total: 12 });
      return Object.keys(served(some)).join() === "a,b";
    },
    { seconds: 60 },
  );
  show("both back in traffic after docker start", seconds((performance.now() - back) / 1000));
  show("destroy", seconds((await stack.destroy()).seconds));
} finally {
  await stack[Symbol.asyncDispose]();
}
const width = Math.max(...rows.map(([what]) => what.length));
console.log(rows.map(([what, value]) => `${what.padEnd(width)}  ${value}`).join("\n"));
