import { dockerEngine, DockerError, type DockerEngine } from "../engine/docker-engine.ts";
import { fetchModel } from "./model-fetch.ts";
import { canonicalModel, MODELS_FOLDER, OLLAMA_FOLDER, type ModelStoreRef } from "./model-store.ts";
import { START_SECONDS } from "../limits.ts";
import { StepError } from "../step-error.ts";
import { until, waiting } from "../until.ts";

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
  /** Other hosts of the mesh, which may have the models already. */
  peers?: ModelStoreRef[];
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
    if (missing.length === 0) return { models: input.models };
    await requireSpace(engine, input);
    for (const model of missing) await fetchModel(input, model, input.peers ?? []);
    // What was begun as a copy and then came from the internet.
    await engine.docker(["exec", input.container, "rm", "-rf", `${MODELS_FOLDER}/lan`]);
    return { models: input.models };
  } finally {
    await removeContainer(engine, input.container);
  }
}

/** What docker is told to start an Ollama that serves nobody: it has the volume, and downloads into it. */
export const storeArgs = ({ container, labels, volume, image }: ModelsInput): string[] => [
  ...["run", "--detach", "--name", container],
  ...labels.flatMap((label) => ["--label", label]),
  ...["--volume", `${volume}:${OLLAMA_FOLDER}`],
  ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp"],
  // Ollama would remove what a download that was cut has brought.
  ...["--env", "OLLAMA_NOPRUNE=1", image, "serve"],
];

async function startStore({ docker }: DockerEngine, input: ModelsInput): Promise<void> {
  await docker(storeArgs(input));
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
    if (!(error instanceof DockerError && error.isNotFound)) throw error;
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
  const table = await docker(["exec", input.container, "df", "-Pk", OLLAMA_FOLDER]);
  const freeGiB = Number(table.trim().split("\n").at(-1)?.split(/\s+/)[3]) / 1024 ** 2;
  if (freeGiB >= input.minimumFreeGiB) return;
  throw new StepError(
    `host ${endpoint} has ${freeGiB.toFixed(1)} GiB left for models, and rollout.minimumFreeGiB asks for ${input.minimumFreeGiB}; free some space there (docker system df shows what takes it), or lower it`,
  );
}
