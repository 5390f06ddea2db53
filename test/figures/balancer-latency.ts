// What the balancer costs, and what reloads cost clients. Five minutes.
// Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/balancer-latency.ts
// Its figures stand in docs/measurements.md, "What the balancer costs".
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

import { Balancer } from "../behaviour/harness/balancer.ts";
import { bridgeAddress, docker } from "../behaviour/harness/docker.ts";
import { ForkedNode } from "../behaviour/harness/forked-node.ts";
import { load, served } from "../behaviour/harness/load.ts";
import { owning } from "../behaviour/harness/owned.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const STREAMS = 64;
const TOKENS = 20;
const EVERY_MS = 25;
const ROUNDS = 15;
const ROUND_SECONDS = 3;
const RELOADS = 14;
const RELOAD_REQUESTS = 50_000;

/** What somebody writes by hand who knows the five directives that matter. */
const minimal = (servers: readonly string[]) => (conf: string) => `
worker_processes 2; pid /tmp/p; error_log stderr warn;
events { worker_connections 8192; }
http {
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
  access_log off;
  upstream nodes { zone nodes 64k; least_conn; ${servers.map((each) => `server ${each};`).join(" ")} keepalive 64; }
  server { listen 8080; location / {
    proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 900s;
  } }
  server { listen 127.0.0.1:8081; location / { return 200 ${/return 200 ([0-9a-f]{16});/.exec(conf)![1]}; } }
}`;

interface Figures {
  headerMs: number[];
  tokens: number;
  cpuNs: number;
}

/** CPU time of all processes of a container so far. */
async function cpuOf(front: Balancer | undefined): Promise<number> {
  if (!front) return 0;
  const [, ...lines] = (await docker("top", front.name, "-o", "pid")).trim().split("\n");
  const times = lines.map(async (pid) =>
    Number((await readFile(`/proc/${pid.trim()}/schedstat`, "utf8")).split(" ")[0]),
  );
  return (await Promise.all(times)).reduce((sum, each) => sum + each, 0);
}

const at = (sorted: number[], part: number) => sorted[Math.floor((sorted.length - 1) * part)]!;
const median = (values: number[]) =>
  at(
    [...values].sort((a, b) => a - b),
    0.5,
  );

await owning(async (own) => {
  const address = await bridgeAddress();
  const nodes: ForkedNode[] = [];
  for (const name of ["a", "b"]) {
    const answer = { kind: "tokens", count: TOKENS, everyMs: EVERY_MS } as const;
    nodes.push(own(await ForkedNode.start({ name, address, answer })));
  }
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
    const before = await cpuOf(front);
    const all = await load(`${url}/api/chat`, {
      clients: STREAMS,
      seconds: ROUND_SECONDS,
      spreadMs: TOKENS * EVERY_MS,
    }).done;
    const cpuNs = (await cpuOf(front)) - before;
    if (all.some((one) => !served(one))) throw new Error(`${name}: a request failed`);
    if (!kept) return;
    const headerMs = all.map((one) => one.headerMs).sort((a, b) => a - b);
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
  const p50: Figure = ({ headerMs }) => at(headerMs, 0.5);
  const p99: Figure = ({ headerMs }) => at(headerMs, 0.99);
  const cpu: Figure = ({ cpuNs, tokens }) => cpuNs / tokens / 1000;
  const middle = (name: string, of: Figure) => median(rounds.get(name)!.map(of)).toFixed(2);
  // Within a round, whose arms follow each other in seconds, and only then the middle of the rounds.
  const ratio = (name: string, other: string, of: Figure) =>
    median(rounds.get(name)!.map((own, i) => of(own) / of(rounds.get(other)![i]!))).toFixed(2);
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
