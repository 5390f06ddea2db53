import { dockerEngine, DockerError, type DockerEngine } from "./docker-engine.ts";
import { progress, StepError } from "./step-error.ts";
import { until, waiting } from "./until.ts";

const PULL_SECONDS = 24 * 3600;
const PROGRESS_MS = 10_000;
const START_SECONDS = 60;
const MODELS_FOLDER = "/root/.ollama";

/** Which models the volume of one host must hold. */
export interface ModelsInput {
  endpoint: string;
  /** Name of the container that downloads; it lives only as long as the step. */
  container: string;
  /** An Ollama image that the engine has. */
  image: string;
  volume: string;
  models: string[];
  /** GiB that must be left in the volume's place before a download. */
  minimumFreeGiB: number;
  /** Labels of the container, name=value. */
  labels: string[];
}

/** Downloads what is missing of the declared models, outside of any serving container. */
export async function models(input: ModelsInput): Promise<{ models: string[] }> {
  if (input.models.length === 0) return { models: [] };
  const engine = dockerEngine(input.endpoint);
  await removeContainer(engine, input.container); // of a step that was killed
  await startStore(engine, input);
  try {
    const present = await listModels(engine, input.container);
    const missing = input.models.filter((model) => !present.has(canonicalModel(model)));
    if (missing.length > 0) await requireSpace(engine, input);
    for (const model of missing) await pull(engine, input, model);
    return { models: input.models };
  } finally {
    await removeContainer(engine, input.container);
  }
}

/** Ollama's full name of a model: without scheme, with a tag. */
export function canonicalModel(name: string): string {
  const bare = name.replace(/^https?:\/\//, "");
  return bare.lastIndexOf(":") > bare.lastIndexOf("/") ? bare : `${bare}:latest`;
}

async function startStore({ docker }: DockerEngine, input: ModelsInput): Promise<void> {
  await docker([
    "run",
    "--detach",
    "--name",
    input.container,
    ...input.labels.flatMap((label) => ["--label", label]),
    "--volume",
    `${input.volume}:${MODELS_FOLDER}`,
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges",
    "--read-only",
    "--tmpfs",
    "/tmp",
    "--env",
    "OLLAMA_NOPRUNE=1",
    input.image,
    "serve",
  ]);
  await until(`Ollama in container ${input.container} answers`, START_SECONDS, async () => {
    try {
      await docker(["exec", input.container, "ollama", "list"]);
      return true;
    } catch (error) {
      if (error instanceof DockerError) return waiting(error.message);
      throw error;
    }
  });
}

async function removeContainer({ docker }: DockerEngine, name: string): Promise<void> {
  try {
    await docker(["rm", "--force", name]);
  } catch (error) {
    if (!(error instanceof DockerError && /No such container/i.test(error.stderr))) throw error;
  }
}

async function listModels({ docker }: DockerEngine, container: string): Promise<Set<string>> {
  const table = await docker(["exec", container, "ollama", "list"]);
  const names = table
    .split("\n")
    .slice(1)
    .map((line) => line.split(/\s+/)[0] ?? "");
  return new Set(names.filter(Boolean));
}

async function requireSpace({ docker, endpoint }: DockerEngine, input: ModelsInput): Promise<void> {
  const table = await docker(["exec", input.container, "df", "-Pk", MODELS_FOLDER]);
  const freeGiB = Number(table.trim().split("\n").at(-1)?.split(/\s+/)[3]) / 1024 ** 2;
  if (freeGiB >= input.minimumFreeGiB) return;
  throw new StepError(
    `host ${endpoint} has ${freeGiB.toFixed(1)} GiB left for models, and rollout.minimumFreeGiB asks for ${input.minimumFreeGiB}; free some space there (docker system df shows what takes it), or lower it`,
  );
}

async function pull({ docker, endpoint }: DockerEngine, input: ModelsInput, model: string) {
  progress(`${model}: downloading to ${endpoint}`);
  let shown = Date.now();
  const insecure = model.startsWith("http://") ? ["--insecure"] : [];
  try {
    await docker(["exec", input.container, "ollama", "pull", ...insecure, model], {
      timeoutSeconds: PULL_SECONDS,
      onLine: (line) => {
        const part = /(\d+)% .*?([\d.]+ [KMGT]?B\/[\d.]+ [KMGT]?B)/.exec(line);
        if (!part || Date.now() - shown < PROGRESS_MS) return;
        shown = Date.now();
        progress(`${model}: ${part[1]}% (${part[2]})`);
      },
    });
  } catch (error) {
    if (error instanceof DockerError)
      throw new StepError(explainPull(endpoint, model, error.stderr));
    throw error;
  }
}

function explainPull(endpoint: string, model: string, stderr: string): string {
  const words =
    /Error: .*/.exec(stderr.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, ""))?.[0] ?? stderr.trim();
  const cause = /file does not exist|not found|unauthorized/i.test(words)
    ? "does not exist in its registry; correct the name in `models`"
    : /no space left/i.test(words)
      ? "does not fit on the host's disk; free some space there"
      : /dial tcp|lookup|timeout|connection refused|TLS/i.test(words)
        ? "could not be downloaded, because its registry cannot be reached from the host; mend the connection, or put the model into the volume by hand (ollama create)"
        : "could not be downloaded";
  return `model ${model} ${cause}\n  on ${endpoint}, Ollama says: ${words.slice(0, 300)}`;
}
