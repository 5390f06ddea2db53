// What a mesh costs that nobody uses: polls, verdicts and the view, by number of nodes. Three minutes.
// Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/router/idle.ts [seconds]
import { setTimeout as pause } from "node:timers/promises";

import { Balancer } from "../../behaviour/harness/balancer.ts";
import { docker } from "../../behaviour/harness/docker.ts";
import { owning } from "../../behaviour/harness/owned.ts";
import { RoutedMesh } from "../../router/harness/routed-mesh.ts";
import { cpuOf } from "../minimal-nginx.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const SECONDS = Number(process.argv[2] ?? 40);
/** Until contexts, connections and speeds are as they stay. */
const SETTLING_SECONDS = 10;
const MODELS = ["llama3.2:3b", "qwen3:8b", "nomic-embed-text:latest"];

console.log("| nodes | | % of a core | memory |\n| --- | --- | --- | --- |");
for (const count of [3, 20, 50]) {
  await owning(async (own) => {
    const nodes = Array.from({ length: count }, (_, index) => ({
      name: `node-${index}`,
      models: MODELS,
    }));
    const mesh = own(await RoutedMesh.start(image, nodes));
    const entries = mesh.nodes.map(({ entry }) => entry);
    const plain = own(await Balancer.start(image, { nodes: entries }));
    await pause(SETTLING_SECONDS * 1000);
    const arms = [
      ["models", mesh.balancer],
      ["plain", plain],
    ] as const;
    const before = await Promise.all(arms.map(([, front]) => cpuOf(front)));
    const begun = performance.now();
    await pause(SECONDS * 1000);
    for (const [index, [arm, front]] of arms.entries()) {
      const cpuMs = ((await cpuOf(front)) - before[index]!) / 1e6;
      const share = ((100 * cpuMs) / (performance.now() - begun)).toFixed(2);
      const memory = await docker("stats", "--no-stream", "--format", "{{.MemUsage}}", front.name);
      console.log(`| ${count} | ${arm} | ${share} | ${memory.split("/")[0]!.trim()} |`);
    }
  });
}
