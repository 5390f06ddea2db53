// What the balancer costs, and what reloads cost clients. Five minutes.
// Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/balancer-latency.ts
// Its figures stand in docs/measurements.md, "What the balancer costs".
import { setTimeout as pause } from "node:timers/promises";

import { Balancer } from "../behaviour/harness/balancer.ts";
import { load, served } from "../behaviour/harness/load.ts";
import { owning } from "../behaviour/harness/owned.ts";
import { streamingNodes } from "./streaming-nodes.ts";
import { cpuOf, minimal, quantile } from "./minimal-nginx.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const STREAMS = 64;
const TOKENS = 20;
const EVERY_MS = 25;
const ROUNDS = 15;
const ROUND_SECONDS = 3;
const RELOADS = 14;
const RELOAD_REQUESTS = 50_000;

interface Figures {
  headerMs: number[];
  tokens: number;
  cpuNs: number;
}

await owning(async (own) => {
  const nodes = await streamingNodes(own, TOKENS, EVERY_MS);
  const config = { nodes: nodes.map(({ entry }) => entry) };
  const places = nodes.map(({ entry }) => `${entry.address}:${entry.port}`);
  const ours = own(await Balancer.start(image, config));
  const hand = own(await Balancer.start(image, config, { edit: minimal(places) }));
  const lineByLine = own(
    await Balancer.start(image, config, {
      edit: (conf) => conf.replace(/ buffer=4k flush=1s/, ""),
    }),
  );
  const targets: [string, string, Balancer | undefined][] = [
    ["directly", `http://${places[0]}`, undefined],
    ["minimal nginx", hand.bridgeUrl, hand],
    ["ollama-mesh", ours.bridgeUrl, ours],
    ["ollama-mesh, log line by line", lineByLine.bridgeUrl, lineByLine],
  ];

  const rounds = new Map<string, Figures[]>(targets.map(([name]) => [name, []]));
  const round = async (name: string, url: string, front: Balancer | undefined, kept: boolean) => {
    const before = front ? await cpuOf(front) : 0;
    const all = await load(`${url}/api/chat`, {
      clients: STREAMS,
      seconds: ROUND_SECONDS,
      spreadMs: TOKENS * EVERY_MS,
    }).done;
    const cpuNs = front ? (await cpuOf(front)) - before : 0;
    if (all.some((one) => !served(one))) throw new Error(`${name}: a request failed`);
    if (!kept) return;
    const headerMs = all.map((one) => one.headerMs);
    rounds.get(name)!.push({ headerMs, tokens: all.length * TOKENS, cpuNs });
  };
  for (const target of targets) await round(...target, false);
  // In turn, the order turned each time: what disturbs the machine disturbs all alike.
  for (let index = 0; index < ROUNDS; index++) {
    for (const target of index % 2 ? targets.toReversed() : targets) await round(...target, true);
  }
  console.log(
    `${STREAMS} streams of ${TOKENS} tokens, one each ${EVERY_MS} ms; medians of ${ROUNDS} rounds, ratios made within each:\n`,
  );
  console.log(
    "| | p50 ms | p99 ms | p50 / directly | p50 / minimal | p99 / minimal | CPU us per token | CPU / minimal |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  type Figure = (figures: Figures) => number;
  const p50: Figure = ({ headerMs }) => quantile(headerMs, 0.5);
  const p99: Figure = ({ headerMs }) => quantile(headerMs, 0.99);
  const cpu: Figure = ({ cpuNs, tokens }) => cpuNs / tokens / 1000;
  const middle = (name: string, of: Figure) => quantile(rounds.get(name)!.map(of), 0.5).toFixed(2);
  // Within a round, whose arms follow each other in seconds, and only then the middle of the rounds.
  const ratio = (name: string, other: string, of: Figure) =>
    quantile(
      rounds.get(name)!.map((own, i) => of(own) / of(rounds.get(other)![i]!)),
      0.5,
    ).toFixed(2);
  for (const [name] of targets) {
    const cells = [
      ...[p50, p99].map((of) => middle(name, of)),
      ratio(name, "directly", p50),
      ...[p50, p99].map((of) => ratio(name, "minimal nginx", of)),
      middle(name, cpu),
      ratio(name, "minimal nginx", cpu),
    ];
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }

  for (const node of nodes) await node.answer({ kind: "ok" });
  const traffic = load(`${ours.bridgeUrl}/api/chat`, { clients: 16, requests: RELOAD_REQUESTS });
  for (let count = 1; count <= RELOADS; count++) {
    while (traffic.outcomes.length < (count * RELOAD_REQUESTS) / (RELOADS + 1)) await pause(10);
    await ours.reload(config);
  }
  const all = await traffic.done;
  const failed = all.filter((one) => !served(one));
  const kinds = [...new Set(failed.map(({ broken, status }) => broken ?? status))].join(", ");
  console.log(
    `\n${RELOADS} reloads under ${all.length} requests on kept connections: ${failed.length} client errors ${kinds}`,
  );
});
