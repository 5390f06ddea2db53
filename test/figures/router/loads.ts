// More models than fit: two real Ollamas that keep two models each, three models, and clients that ask for each as
// often. Prints which share of the requests had to wait for a load, by what Ollama says in each answer.
// Usage: OLLAMA_MESH_NGINX_IMAGE=... OLLAMA_MESH_OLLAMA_IMAGE=... OLLAMA_MESH_MODEL=tiny \
//   node toolchain/exec.mjs node test/figures/router/loads.ts [seconds] [clients...]
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BUILT_IN_MODELS, modelfile } from "../../../lab/images/model/built-in-models.mjs";
import { tinyGguf } from "../../../lab/images/model/tiny-gguf.mjs";
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { ask } from "../../behaviour/harness/client.ts";
import { owning } from "../../behaviour/harness/owned.ts";
import { labConfig } from "../../engine/support/lab.ts";
import { Stack } from "../../engine/support/stack.ts";
import { lacking } from "../../support/needs.ts";
import { quantile } from "../minimal-nginx.ts";

const missing = lacking("OLLAMA_MESH_OLLAMA_IMAGE", "OLLAMA_MESH_NGINX_IMAGE", "OLLAMA_MESH_MODEL");
if (missing) throw new Error(missing);

const SECONDS = Number(process.argv[2] ?? 60);
/** At a time; the two nodes have four places. */
const CLIENTS = process.argv.length > 3 ? process.argv.slice(3).map(Number) : [2, 4, 8];
const NODES = ["a", "b"];
const MODELS = ["one", "two", "three"];
const PLACES = 2;
/** Seconds of load_duration that stand for a load; without one Ollama says some milliseconds. */
const LOADED_SECONDS = 0.1;

/** Three models of the same size with weights of their own: Ollama runs what has the same file as one. */
async function addModels(container: string): Promise<void> {
  const like = BUILT_IN_MODELS.find(({ gguf }) => gguf.name === "slow")!;
  const folder = await mkdtemp(join(tmpdir(), "router-loads-"));
  try {
    for (const [index, name] of MODELS.entries()) {
      const made = { ...like, gguf: { ...like.gguf, name, seed: 11 + index } };
      await writeFile(join(folder, `${name}.gguf`), tinyGguf(made.gguf));
      await writeFile(join(folder, `Modelfile.${name}`), modelfile(made));
    }
    await run("docker", ["cp", `${folder}/.`, `${container}:/root/.ollama/made`]);
    for (const name of MODELS) {
      const file = `/root/.ollama/made/Modelfile.${name}`;
      await run("docker", ["exec", container, "ollama", "create", name, "-f", file]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** One request for a random model and between 10 and 60 tokens. */
async function request(url: string): Promise<{ seconds: number; loadSeconds: number }> {
  const model = MODELS[Math.floor(Math.random() * MODELS.length)]!;
  const options = { num_predict: 10 + Math.floor(Math.random() * 50) };
  const body = JSON.stringify({ model, prompt: "the quick brown fox", options });
  const answer = await ask(`${url}/api/generate`, { body });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  const last = JSON.parse(answer.text.trim().split("\n").at(-1)!) as { load_duration: number };
  return { seconds: answer.totalMs / 1000, loadSeconds: last.load_duration / 1e9 };
}

async function phase(url: string, clients: number) {
  const answers: Awaited<ReturnType<typeof request>>[] = [];
  const end = Date.now() + SECONDS * 1000;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (Date.now() < end) answers.push(await request(url));
    }),
  );
  return answers;
}

await owning(async (own) => {
  const config = (routing: string) =>
    labConfig({
      nodes: NODES.map((name) => ({ name })),
      ollama: { maxLoadedModels: 2, numParallel: PLACES },
      balancer: { routing },
    });
  const stack = own(await Stack.init(config("models")));
  await stack.up();
  // Both nodes share its volume.
  await addModels(`${stack.mesh}-${NODES[0]}`);
  console.log(
    `${SECONDS} s each, ${MODELS.length} models, ${NODES.length} nodes with room for 2\n`,
  );
  console.log("| routing | clients | requests | had to load | % | p50 s | p95 s |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const routing of ["models", "plain"]) {
    await stack.configure(config(routing));
    await stack.up();
    await until(
      "the new models in the list",
      async () => (await ask(`${stack.url}/api/tags`)).text.includes(MODELS[2]!),
      { seconds: 60 },
    );
    for (const clients of CLIENTS) {
      const answers = await phase(stack.url, clients);
      const loaded = answers.filter(({ loadSeconds }) => loadSeconds > LOADED_SECONDS).length;
      const percent = ((100 * loaded) / answers.length).toFixed(1);
      const times = answers.map(({ seconds }) => seconds);
      const [half, most] = [0.5, 0.95].map((part) => quantile(times, part).toFixed(2));
      console.log(
        `| ${routing} | ${clients} | ${answers.length} | ${loaded} | ${percent} | ${half} | ${most} |`,
      );
    }
  }
});
