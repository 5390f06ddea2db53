// An uneven fleet: speeds 4:2:1, four places each, log-normal lengths, arrivals at random at 70 % of what it can do.
// Every arm has its own nodes and gets the same requests at the same time. HAProxy is an arm where it is installed
// (HAPROXY=... names another one).
// Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/router/uneven.ts [seconds] [rounds]
import { Agent } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import { Balancer } from "../../behaviour/harness/balancer.ts";
import { ask } from "../../behaviour/harness/client.ts";
import { owning } from "../../behaviour/harness/owned.ts";
import { RoutedMesh } from "../../router/harness/routed-mesh.ts";
import { HaProxy } from "../haproxy.ts";
import { quantile } from "../minimal-nginx.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const SECONDS = Number(process.argv[2] ?? 60);
const ROUNDS = Number(process.argv[3] ?? 3);
const PLACES = 4;
/** Milliseconds between tokens: 160, 80 and 40 tokens per second. */
const SPEEDS = [
  { name: "fast", everyMs: 6.25, weight: 4 },
  { name: "middle", everyMs: 12.5, weight: 2 },
  { name: "slow", everyMs: 25, weight: 1 },
] as const;
/** Of the answers' lengths in tokens: on average 0.31 s at the fastest node, 3.1 s at most. */
const MEDIAN = 30;
const SIGMA = 1;
const LONGEST = 500;
/** The share of what the fleet can do. */
const LOAD = 0.7;

const mean = MEDIAN * Math.exp(SIGMA ** 2 / 2);
const perSecond =
  LOAD * SPEEDS.reduce((sum, { everyMs }) => sum + (PLACES * 1000) / (everyMs * mean), 0);

/** The same sequence for the same seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** When requests come, in milliseconds, and how many tokens each is for. */
function work(seed: number): { at: number; tokens: number }[] {
  const random = randomOf(seed);
  const all: { at: number; tokens: number }[] = [];
  let at = 0;
  for (;;) {
    at += (-Math.log(1 - random()) / perSecond) * 1000;
    if (at > SECONDS * 1000) return all;
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const tokens = Math.round(MEDIAN * Math.exp(SIGMA * normal));
    all.push({ at, tokens: Math.min(LONGEST, Math.max(1, tokens)) });
  }
}

const nodes = SPEEDS.map(({ name, everyMs }) => ({
  name,
  everyMs,
  models: ["m:latest"],
  places: PLACES,
}));
const weights = Object.fromEntries(SPEEDS.map(({ name, weight }) => [name, { weight }]));

await owning(async (own) => {
  const mesh = async (told: object = {}) =>
    own(await RoutedMesh.startForked(image, nodes, { told: { ...told } }));
  const plain = async (weighted: boolean) => {
    const of = await mesh();
    const entries = of.nodes.map((node) => ({
      ...node.entry,
      ...(weighted ? weights[node.name] : {}),
    }));
    return own(await Balancer.start(image, { nodes: entries }));
  };
  const arms: Record<string, { bridgeUrl: string }> = {
    "models, speeds measured": (await mesh()).balancer,
    "models, weights declared": (await mesh(weights)).balancer,
    least_conn: await plain(false),
    "least_conn, weights declared": await plain(true),
  };
  const queue = await HaProxy.start((await mesh()).nodes, PLACES);
  if (queue) arms["HAProxy, first, maxconn 4"] = own(queue);
  else console.log("haproxy is not installed: no arm of it\n");
  const times = new Map<string, { ms: number[]; p95: number[]; by: Record<string, number> }>(
    Object.keys(arms).map((name) => [name, { ms: [], p95: [], by: {} }]),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const requests = work(round + 1);
    await Promise.all(
      Object.entries(arms).map(async ([name, front]) => {
        const agent = new Agent({ keepAlive: true });
        const begun = performance.now();
        const ms = await Promise.all(
          requests.map(async ({ at, tokens }) => {
            await pause(at);
            const late = performance.now() - begun - at;
            const messages = [{ content: `n=${tokens}` }];
            const body = JSON.stringify({ model: "m", messages });
            const answer = await ask(`${front.bridgeUrl}/api/chat`, { body, agent });
            if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text}`);
            const { node } = JSON.parse(answer.text.slice(0, answer.text.indexOf("\n"))) as {
              node: string;
            };
            const own = times.get(name)!;
            own.by[node] = (own.by[node] ?? 0) + 1;
            return answer.totalMs + late;
          }),
        );
        agent.destroy();
        times.get(name)!.ms.push(...ms);
        times.get(name)!.p95.push(quantile(ms, 0.95));
      }),
    );
  }
  console.log(`${perSecond.toFixed(1)} requests/s for ${SECONDS} s, ${ROUNDS} rounds\n`);
  console.log("| | p50 ms | p95 ms (each round) | p99 ms | fast / middle / slow % |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [name, { ms, p95, by }] of times) {
    const shares = SPEEDS.map((one) => ((100 * (by[one.name] ?? 0)) / ms.length).toFixed(0));
    const [half, most, worst] = [0.5, 0.95, 0.99].map((part) => quantile(ms, part).toFixed(0));
    const each = p95.map((one) => one.toFixed(0)).join(", ");
    console.log(`| ${name} | ${half} | ${most} (${each}) | ${worst} | ${shares.join(" / ")} |`);
  }
});
