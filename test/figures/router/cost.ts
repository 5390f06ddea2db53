// What it costs that the balancer knows its nodes: against a hand-written minimal nginx, the same with a JSON log, and
// against itself without the program, on the same nodes, in turn. Ten minutes with nine rounds.
// Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/router/cost.ts [rounds] [part of a load's name]
import { Balancer } from "../../behaviour/harness/balancer.ts";
import type { Asked } from "../../behaviour/harness/client.ts";
import { load, type LoadOptions, served } from "../../behaviour/harness/load.ts";
import { owning } from "../../behaviour/harness/owned.ts";
import { RoutedMesh } from "../../router/harness/routed-mesh.ts";
import { cpuOf, logging, minimal, quantile } from "../minimal-nginx.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const ROUNDS = Number(process.argv[2] ?? 9);
const WANTED = process.argv[3] ?? "";
const ROUND_SECONDS = 2;

const asked = (tokens: number, bytes: number, order: "first" | "last"): Asked => {
  const messages = [{ content: `n=${tokens} ${"x".repeat(bytes)}` }];
  const body = order === "first" ? { model: "m", messages } : { messages, model: "m" };
  return { body: JSON.stringify(body) };
};

/** Loads, by name; tokens come 25 ms apart where there are several. */
const LOADS: Record<string, LoadOptions & { tokens: number }> = {
  "64 streams of 200 tokens": {
    clients: 64,
    tokens: 200,
    spreadMs: 5000,
    seconds: 5,
    asked: asked(200, 0, "first"),
  },
  "64 streams of 20 tokens": {
    clients: 64,
    tokens: 20,
    spreadMs: 500,
    asked: asked(20, 0, "first"),
  },
  "one client": { clients: 1, tokens: 1, asked: asked(1, 0, "first") },
  "one client, 32 KB": { clients: 1, tokens: 1, asked: asked(1, 32_000, "first") },
  "one client, 32 KB, model last": { clients: 1, tokens: 1, asked: asked(1, 32_000, "last") },
  "16 clients, one token": { clients: 16, tokens: 1, asked: asked(1, 0, "first") },
};

interface Figures {
  headerMs: number[];
  requests: number;
  cpuNs: number;
}

await owning(async (own) => {
  const meshes = await Promise.all(
    [0, 25].map((everyMs) =>
      RoutedMesh.startForked(
        image,
        ["a", "b"].map((name) => ({ name, models: ["m:latest"], places: 64, everyMs })),
      ),
    ),
  );
  for (const mesh of meshes) own(mesh);
  const arms = await Promise.all(
    meshes.map(async (mesh) => {
      const config = { nodes: mesh.nodes.map(({ entry }) => entry) };
      const servers = mesh.nodes.map(({ address, port }) => `${address}:${port}`);
      const hand = own(await Balancer.start(image, config, { edit: minimal(servers) }));
      const logs = own(await Balancer.start(image, config, { edit: logging(servers) }));
      const plain = own(await Balancer.start(image, { ...config, balancer: { routing: "plain" } }));
      return [
        ["minimal nginx", hand],
        ["the same with a log", logs],
        ["plain", plain],
        ["models", mesh.balancer],
      ] as const;
    }),
  );
  for (const [name, options] of Object.entries(LOADS)) {
    if (!name.includes(WANTED)) continue;
    const [quick = [], paced = []] = arms;
    const own = options.tokens > 1 ? paced : quick;
    const rounds = new Map<string, Figures[]>(own.map(([arm]) => [arm, []]));
    const round = async (arm: string, front: Balancer, kept: boolean) => {
      const before = await cpuOf(front);
      const asking = { seconds: ROUND_SECONDS, ...options };
      const all = await load(`${front.bridgeUrl}/api/chat`, asking).done;
      const cpuNs = (await cpuOf(front)) - before;
      if (all.some((one) => !served(one))) throw new Error(`${arm}: a request failed`);
      if (kept) {
        const headerMs = all.map((one) => one.headerMs);
        rounds.get(arm)!.push({ headerMs, requests: all.length, cpuNs });
      }
    };
    for (const [arm, front] of own) await round(arm, front, false);
    // In turn, the order turned each time: what disturbs the machine disturbs all alike.
    for (let index = 0; index < ROUNDS; index++) {
      for (const [arm, front] of index % 2 ? own.toReversed() : own) await round(arm, front, true);
    }
    print(name, rounds);
  }
});

function print(name: string, rounds: ReadonlyMap<string, readonly Figures[]>): void {
  const first = ({ headerMs }: Figures) => quantile(headerMs, 0.5);
  const cpu = ({ cpuNs, requests }: Figures) => cpuNs / requests / 1000;
  const minimalRounds = rounds.get("minimal nginx")!;
  console.log(`\n${name}\n`);
  console.log("| | first byte p50 ms | ratio | CPU us per request | ratio |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [arm, all] of rounds) {
    const cells = [first, cpu].flatMap((of) => {
      // Within a round, whose arms follow each other in seconds, and only then the middle of the rounds.
      const ratios = all.map((one, at) => of(one) / of(minimalRounds[at]!));
      return [quantile(all.map(of), 0.5), quantile(ratios, 0.5)].map((value) => value.toFixed(2));
    });
    console.log(`| ${arm} | ${cells.join(" | ")} |`);
  }
}
