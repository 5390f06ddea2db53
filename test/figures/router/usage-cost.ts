// What it costs that the use of API keys is counted: a mesh with keys, with a quota of requests, and with tokens counted too,
// against the same that counts nothing, in turn. Two minutes for each load.
// Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/router/usage-cost.ts [rounds] [part of a load's name]
import { until } from "../../../toolchain/until.mjs";
import { ask } from "../../behaviour/harness/client.ts";
import { load, type LoadOptions, served } from "../../behaviour/harness/load.ts";
import { owning } from "../../behaviour/harness/owned.ts";
import { USAGE_FOLDER } from "../../../templates/nginx-layout.ts";
import { RoutedMesh } from "../../router/harness/routed-mesh.ts";
import { cpuOf, quantile } from "../minimal-nginx.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const ROUNDS = Number(process.argv[2] ?? 7);
const WANTED = process.argv[3] ?? "";
const ROUND_SECONDS = 3;

const headers = { authorization: "Bearer key-of-the-figures-01" };
const asked = (tokens: number) => ({
  headers,
  body: JSON.stringify({ model: "m", messages: [{ content: `n=${tokens}` }] }),
});

/** Loads, by name; tokens come 25 ms apart where there are several. */
const LOADS: Record<string, LoadOptions & { tokens: number }> = {
  "64 streams of 20 tokens": { clients: 64, tokens: 20, spreadMs: 500, asked: asked(20) },
  "16 clients, one token": { clients: 16, tokens: 1, asked: asked(1) },
  "one client, one token": { clients: 1, tokens: 1, asked: asked(1) },
};

await owning(async (own) => {
  const meshOf = async (everyMs: number, data: object) => {
    const mesh = own(
      await RoutedMesh.startForked(
        image,
        ["a", "b"].map((name) => ({ name, models: ["m:latest"], places: 64, everyMs })),
        {
          unknown: true,
          balancer: { access: { apiKeys: [{ name: "figures", key: "key-of-the-figures-01" }] } },
          data,
          docker: ["--tmpfs", `${USAGE_FOLDER}:mode=1777`],
        },
      ),
    );
    const path = `${mesh.balancer.url}/api/tags`;
    const known = async () => (await ask(path, { headers })).headers["x-mesh-node"] === undefined;
    await until("list of the whole mesh", known, { seconds: 60 });
    return mesh.balancer;
  };
  for (const [name, options] of Object.entries(LOADS)) {
    if (!name.includes(WANTED)) continue;
    const everyMs = options.tokens > 1 ? 25 : 0;
    const arms = [
      ["requests", await meshOf(everyMs, {})],
      [
        "requestsPerDay",
        await meshOf(everyMs, { keys: { figures: { requestsPerDay: 1_000_000_000 } } }),
      ],
      ["tokens too", await meshOf(everyMs, { countTokens: true })],
      // Told of no keys it counts none; nginx asks for them all the same.
      ["nothing", await meshOf(everyMs, { keys: undefined })],
    ] as const;
    const rounds = new Map<string, number[]>(arms.map(([arm]) => [arm, []]));
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [arm, front] of round % 2 ? arms.toReversed() : arms) {
        const before = await cpuOf(front);
        const url = `${front.bridgeUrl}/api/chat`;
        const all = await load(url, { ...options, seconds: ROUND_SECONDS }).done;
        const cpuNs = (await cpuOf(front)) - before;
        const failed = all.find((one) => !served(one));
        if (failed) throw new Error(`${arm}: a request failed: ${JSON.stringify(failed)}`);
        // The first round is for contexts and connections.
        if (round > 0) rounds.get(arm)!.push(cpuNs / all.length / 1000);
      }
    }
    for (const [arm, all] of rounds) {
      const ratios = all.map((one, at) => one / rounds.get("nothing")![at]!);
      const us = quantile(all, 0.5).toFixed(1);
      console.log(
        `${name}, counted: ${arm}: ${us} us of CPU per request, ${quantile(ratios, 0.5).toFixed(3)}`,
      );
    }
  }
});
