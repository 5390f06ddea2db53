import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PullSettings } from "../../plan/ollama-environment.ts";
import { containerState, lastLog } from "../engine/containers.ts";
import { dockerEngine, DockerError, type DockerEngine } from "../engine/docker-engine.ts";
import { fetchModel } from "./model-fetch.ts";
import {
  modelKey,
  mounts,
  MODELS_FOLDER,
  OLLAMA_FOLDER,
  type ModelStoreRef,
} from "./model-store.ts";
import { START_SECONDS } from "../limits.ts";
import { StepError } from "../step-error.ts";
import { DeadlineError, until, waiting } from "../until.ts";

/** Which models the volume of one host must hold. */
export interface ModelsInput {
  endpoint: string;
  /** Name of the container that downloads; it lives only as long as the step. */
  container: string;
  /** An Ollama image that the engine has. */
  image: string;
  volume: string;
  /** Folder of the host where the models lie; absent where they are in the volume. */
  modelsPath?: string;
  /** What downloads need; absent for nothing. */
  pulls?: PullSettings;
  models: string[];
  /** GiB that must be left in the volume's place before a download. */
  minimumFreeGiB: number;
  /** Labels of the container, name=value. */
  labels: string[];
  /** Other hosts of the mesh, which may have the models already. */
  peers?: ModelStoreRef[];
}

/**
 * Downloads what is missing of the declared models, outside of any serving container.
 *
 * @throws StepError when the image is no Ollama that runs there, the disk is full, or no source gives a model
 */
export async function models(input: ModelsInput): Promise<{ models: string[] }> {
  if (input.models.length === 0) return { models: [] };
  const engine = dockerEngine(input.endpoint);
  await removeContainer(engine, input.container); // of a step that was killed
  // By its id: that step may go on after its `up`, and must not remove the container of this one.
  const own = await makeStore(engine, input);
  try {
    await untilItAnswers(engine.docker, input);
    await trustAuthority(engine.docker, input);
    const present = await listModels(engine, input.container);
    const missing = missingModels(input.models, present);
    if (missing.length === 0) return { models: input.models };
    await requireSpace(engine, input);
    for (const model of missing) await fetchModel(input, model, input.peers ?? []);
    // What was begun as a copy and then came from the internet.
    await engine.docker(["exec", input.container, "rm", "-rf", `${MODELS_FOLDER}/lan`]);
    return { models: input.models };
  } finally {
    await removeContainer(engine, own);
  }
}

/** Those that are not there, each once, however it is spelt. */
export function missingModels(models: readonly string[], present: ReadonlySet<string>): string[] {
  const there = new Set([...present].map(modelKey));
  const missing = new Map(models.map((model) => [modelKey(model), model]));
  return [...missing].flatMap(([key, model]) => (there.has(key) ? [] : [model]));
}

/** Read by Ollama at its first connection with TLS, not at its start. */
const OWN_AUTHORITIES = "/tmp/authorities";

/** What docker is told to start an Ollama that serves nobody: it has the volume, and downloads into it. */
export const storeArgs = (
  { container, labels, image, pulls = {}, ...store }: ModelsInput,
  environmentFile?: string,
) => [
  ...["run", "--detach", "--name", container],
  ...labels.flatMap((label) => ["--label", label]),
  ...mounts(store, ""),
  ...(environmentFile === undefined ? [] : ["--env-file", environmentFile]),
  ...(pulls.caCertificate === undefined
    ? []
    : ["--env", `SSL_CERT_DIR=${OWN_AUTHORITIES}:/etc/ssl/certs`]),
  ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp"],
  // Ollama would remove what a download that was cut has brought.
  ...["--env", "OLLAMA_NOPRUNE=1", image, "serve"],
];

/** In a file that nobody else reads, since arguments stand in process lists; the stdin of a docker command is none. */
async function withFile<T>(
  environment: Readonly<Record<string, string>>,
  work: (file: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-"));
  try {
    const file = join(folder, "environment");
    const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(file, lines.join(""), { mode: 0o600 });
    return await work(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @returns the container's id */
async function makeStore(engine: DockerEngine, input: ModelsInput): Promise<string> {
  const { environment } = input.pulls ?? {};
  const run = (file?: string) => engine.docker(storeArgs(input, file));
  return (await (environment ? withFile(environment, run) : run())).trim();
}

async function trustAuthority(
  docker: DockerEngine["docker"],
  { container, pulls = {} }: ModelsInput,
): Promise<void> {
  if (pulls.caCertificate === undefined) return;
  const keep = `mkdir -p ${OWN_AUTHORITIES} && cat >${OWN_AUTHORITIES}/own.pem`;
  const input = pulls.caCertificate;
  await docker(["exec", "-i", container, "sh", "-c", keep], { input });
}

async function untilItAnswers(
  docker: DockerEngine["docker"],
  { endpoint, container }: ModelsInput,
): Promise<void> {
  const refused = async (said: string) => {
    const log = await lastLog(endpoint, container).catch(() => "  (no log)");
    return new StepError(
      `the Ollama that is to download models on ${endpoint} does not answer (${said}); correct the image, or mend what the last lines of its container name, and run pulumi up again:\n${log}`,
    );
  };
  let said = "";
  try {
    await until("Ollama answers", START_SECONDS, async () => {
      try {
        await docker(["exec", container, "ollama", "list"]);
        return true;
      } catch (error) {
        if (!(error instanceof DockerError)) throw error;
        said = error.lastWords;
        const state = await containerState(endpoint, container);
        if (!state?.running) throw await refused(said);
        return waiting(said);
      }
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw await refused(said);
  }
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
  const folder = input.modelsPath === undefined ? OLLAMA_FOLDER : MODELS_FOLDER;
  const table = await docker(["exec", input.container, "df", "-Pk", folder]);
  const freeGiB = Number(table.trim().split("\n").at(-1)?.split(/\s+/)[3]) / 1024 ** 2;
  if (freeGiB >= input.minimumFreeGiB) return;
  throw new StepError(
    `host ${endpoint} has ${freeGiB.toFixed(1)} GiB left for models, and rollout.minimumFreeGib asks for ${input.minimumFreeGiB}; free some space there (docker system df shows what takes it), or lower it`,
  );
}
