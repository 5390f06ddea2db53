// What page and metrics cost a request: a mesh whose page is looked at every 2 s and whose /metrics are scraped every
// 10 s, against one without samples and without anybody who looks, in turn, by the ratios of the turns. Four minutes.
// Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/status-cost.ts [rounds]
import { ask } from "../behaviour/harness/client.ts";
import { load, served } from "../behaviour/harness/load.ts";
import { owning } from "../behaviour/harness/owned.ts";
import { RoutedMesh } from "../router/harness/routed-mesh.ts";
import { njsProgram } from "../../templates/njs-program.ts";
import { cpuOf, quantile } from "./minimal-nginx.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const ROUNDS = Number(process.argv[2] ?? 10);
const ROUND_SECONDS = 10;
const NODES = ["a", "b"].map((name) => ({ name, models: ["m:latest"], places: 64 }));
const body = JSON.stringify({ model: "m", messages: [{ content: "n=1" }] });

const unseen = {
  "tick.js": njsProgram()["tick.js"]!.replace("  sample(now);\n", ""),
  "inventory.js": njsProgram()["inventory.js"]!.replace(", lookAtConfig()]", "]"),
};

await owning(async (own) => {
  const arms = [
    ["with", own(await RoutedMesh.startForked(image, NODES))],
    ["without", own(await RoutedMesh.startForked(image, NODES, { program: unseen }))],
  ] as const;
  const perRequest = new Map<string, number[]>(arms.map(([arm]) => [arm, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [arm, { balancer }] of round % 2 === 0 ? arms : arms.toReversed()) {
      const look = (path: string) => void ask(`${balancer.managementUrl}${path}`).catch(() => {});
      const looks =
        arm === "with"
          ? [setInterval(look, 2000, "/status.json"), setInterval(look, 9000, "/metrics")]
          : [];
      const before = await cpuOf(balancer);
      const options = { clients: 16, seconds: ROUND_SECONDS, asked: { body } };
      const all = await load(`${balancer.bridgeUrl}/api/chat`, options).done;
      const cpuNs = (await cpuOf(balancer)) - before;
      for (const each of looks) clearInterval(each);
      if (all.some((one) => !served(one))) throw new Error(`${arm}: a request failed`);
      // The first round is for contexts and connections.
      if (round > 0) perRequest.get(arm)!.push(cpuNs / 1000 / all.length);
    }
  }
  const [w = [], without = []] = arms.map(([arm]) => perRequest.get(arm)!);
  const ratios = w.map((one, at) => one / without[at]!);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((at) => quantile(ratios, at).toFixed(3));
  const [one, other] = [w, without].map((all) => quantile(all, 0.5).toFixed(1));
  console.log(
    `CPU per request: with ${one} us, without ${other} us, ratio ${middle} (half of ${ROUNDS} turns ${low} to ${high})`,
  );
});
