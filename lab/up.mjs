// npm run lab: a mesh of three nodes on this machine, from nothing to the first streamed answer.
import "../toolchain/node/oldest-node.mjs";
import { ensureToolchain } from "../toolchain/ensure.mjs";
import { ensureDependencies } from "../toolchain/install-dependencies.mjs";
import { step } from "../toolchain/progress.mjs";
import { commandLine } from "./command-line.mjs";
import { engineElsewhere, ensureDockerEngine } from "./docker-engine.mjs";
import { ensureImages } from "./images.mjs";
import { ensurePortIsFree } from "./port.mjs";
import { LabStack } from "./stack.mjs";
import { showAnswer, showOutputs } from "./show.mjs";

const HELP = `npm run lab [-- --port <number>]

Brings up the stack "lab" on this machine: three Ollama nodes (weights 2 and 1, and one backup) behind
an nginx load balancer, then shows one answer, token by token. Everything that is missing is put in
place first: Pulumi, the npm packages, a Docker engine, the images. What is there is used.
Running it again changes what differs and nothing else. "npm run lab:down" removes it all.

  --port <number>  where the balancer listens, kept until lab:down; otherwise as in Pulumi.lab.yaml
  --help           this text`;

const stack = new LabStack("lab");

/** What runs on an engine, of Pulumi.lab.yaml. */
const HOSTED = ["balancer.host", "nodes[0].host", "nodes[1].host", "nodes[2].host"];

await commandLine(HELP, { port: { type: "string" } }, async (values) => {
  const port = portOf(values.port);
  const toolchain = await ensureToolchain();
  await ensureDependencies();
  await ensureDockerEngine();
  const images = await ensureImages();

  const env = await step('Configure stack "lab"', async () => {
    const env = await stack.environment(toolchain);
    const engine = await engineElsewhere();
    const listen = port ?? (await stack.rememberedPort());
    await stack.configure(env, {
      image: images.ollama,
      "balancer.image": images.nginx,
      ...Object.fromEntries(images.models.map((model, i) => [`models[${i}]`, model])),
      ...(engine === undefined ? {} : Object.fromEntries(HOSTED.map((path) => [path, engine]))),
      ...(listen === undefined ? {} : { "balancer.listen.port": listen }),
    });
    return env;
  });
  await ensurePortIsFree((await stack.setting(env, "balancer.listen.port")) ?? "", stack.mesh);
  if (port !== undefined) await stack.rememberPort(port);

  await stack.up(env);

  const made = await stack.outputs(env);
  await showAnswer(String(made.endpoint), images);
  showOutputs(made);
  console.log("\nRemove it all: npm run lab:down");
});

/** @param {string | boolean | undefined} value */
function portOf(value) {
  if (value === undefined) return undefined;
  const port = Number(value);
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return String(port);
  throw new Error(`--port must be 1-65535, got ${value}`);
}
