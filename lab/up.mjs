// npm run lab: a mesh of three nodes on this machine, from nothing to the first streamed answer.
import { createServer } from "node:net";

import { run } from "../toolchain/command.mjs";
import { ensureToolchain } from "../toolchain/ensure.mjs";
import { ensureDependencies } from "../toolchain/install-dependencies.mjs";
import { step } from "../toolchain/progress.mjs";
import { commandLine } from "./command-line.mjs";
import { ensureDockerEngine } from "./docker-engine.mjs";
import { ensureImages } from "./images.mjs";
import {
  MESH,
  configure,
  outputs,
  rememberPort,
  rememberedPort,
  setting,
  stackEnvironment,
  up,
} from "./stack.mjs";
import { streamedAnswer } from "./streamed-answer.mjs";

const HELP = `npm run lab [-- --port <number>]

Brings up the stack "lab" on this machine: three Ollama nodes (weights 2 and 1, and one backup) behind
an nginx load balancer, then shows one answer, token by token. Everything that is missing is put in
place first: Pulumi, the npm packages, a Docker engine, the images. What is there is used.
Running it again changes what differs and nothing else. "npm run lab:down" removes it all.

  --port <number>  where the balancer listens, kept until lab:down; otherwise as in Pulumi.lab.yaml
  --help           this text`;

const QUESTION = "Why is the sky blue?";

await commandLine(HELP, { port: { type: "string" } }, async (values) => {
  const port = portOf(values.port);
  const toolchain = await ensureToolchain();
  await ensureDependencies();
  await ensureDockerEngine();
  const images = await ensureImages();

  const env = await step('Configure stack "lab"', async () => {
    const env = await stackEnvironment(toolchain);
    const listen = port ?? (await rememberedPort());
    await configure(env, {
      image: images.ollama,
      "balancer.image": images.nginx,
      ...Object.fromEntries(images.models.map((model, i) => [`models[${i}]`, model])),
      ...(listen === undefined ? {} : { "balancer.listen.port": listen }),
    });
    return env;
  });
  await ensurePortIsFree((await setting(env, "balancer.listen.port")) ?? "");
  if (port !== undefined) await rememberPort(port);

  await up(env);

  const made = await outputs(env);
  const endpoint = String(made.endpoint);
  const model = images.models.at(-1) ?? images.model;
  console.log(`\n${endpoint}/api/chat, model ${model}: "${QUESTION}"\n`);
  const answer = await streamedAnswer(endpoint, { model, question: QUESTION }, (token) =>
    process.stdout.write(token),
  );
  console.log(
    `\n\n${answer.tokens} tokens, the first after ${answer.firstTokenMs} ms, the last after ${answer.totalMs} ms.`,
  );
  if (images.offline) {
    console.log("(Nonsense: the built-in model has random weights.)");
  }
  console.log();
  for (const [name, value] of Object.entries(made)) console.log(`${name}:${row(value)}`);
  console.log("\nRemove it all: npm run lab:down");
});

/** @param {string | boolean | undefined} value */
function portOf(value) {
  if (value === undefined) return undefined;
  const port = Number(value);
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return String(port);
  throw new Error(`--port must be 1-65535, got ${value}`);
}

/**
 * @param {string} port
 * @throws {Error} when something other than this lab listens there
 */
async function ensurePortIsFree(port) {
  const free = await new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    server.listen(Number(port), "127.0.0.1", () => server.close(() => resolve(true)));
  });
  if (free) return;
  const publishing = ["ps", "--filter", `publish=${port}`, "--format", "{{.Names}}"];
  const names = (await run("docker", publishing)).trim();
  if (names.startsWith(MESH)) return;
  const by = names ? `container ${names}` : "another program (often an Ollama of this machine)";
  throw new Error(
    `127.0.0.1:${port} is in use by ${by}. Choose another port:\n  npm run lab -- --port 11500`,
  );
}

/**
 * A list as one line per item, an item as its values in a row.
 *
 * @param {unknown} value
 * @returns {string}
 */
function row(value) {
  if (Array.isArray(value)) return value.map((item) => `\n ${row(item)}`).join("");
  if (typeof value !== "object" || value === null) return ` ${value}`;
  const { name, ...others } = /** @type {Record<string, unknown>} */ (value);
  return [name, ...Object.values(others)].map(row).join(" ");
}
