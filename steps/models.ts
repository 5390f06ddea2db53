import { setTimeout as pause } from "node:timers/promises";
import { dockerEngine, DockerError, type DockerEngine } from "./docker-engine.ts";
import { withMachineLock } from "./machine-lock.ts";
import { copyModel } from "./model-copy.ts";
import { openSource } from "./model-source.ts";
import { storedModel, type ModelPlace, type StoredModel } from "./model-store.ts";
import { progress, StepError } from "./step-error.ts";
import { until, waiting } from "./until.ts";

const PULL_SECONDS = 24 * 3600;
const PROGRESS_MS = 10_000;
const START_SECONDS = 60;
/** How often, and after how long, a host without internet looks again whether another one has the model. */
const OFFLINE_TRIES = 3;
const OFFLINE_PAUSE_MS = 5_000;
const OFFLINE = /registry cannot be reached/;
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
  /** Other hosts of the mesh, which may have the models already. */
  peers?: ModelPlace[];
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
    for (const model of missing) await fetchModel(engine, input, model);
    return { models: input.models };
  } finally {
    await removeContainer(engine, input.container);
  }
}

/**
 * From another host of the mesh where one has the model, else from the internet. Hosts that lack the same
 * model at the same time wait for the first one to have it: the internet sees each model once.
 */
async function fetchModel(engine: DockerEngine, input: ModelsInput, model: string): Promise<void> {
  const peers = input.peers ?? [];
  if (peers.length === 0) return pull(engine, input, model);
  const found = await heldOrPulled(engine, input, model, peers);
  if (found.length === 0) return;
  // Not all from the same one.
  const first = Math.floor(Math.random() * found.length);
  for (const holder of [...found.slice(first), ...found.slice(0, first)]) {
    if (await copied(engine, input, model, holder)) return;
  }
  await pull(engine, input, model);
}

/** Who has a model; nobody where it was pulled now. A host without internet lets the others try first. */
async function heldOrPulled(
  engine: DockerEngine,
  input: ModelsInput,
  model: string,
  peers: readonly ModelPlace[],
): Promise<Holder[]> {
  for (let left = OFFLINE_TRIES; ; left--) {
    try {
      return await withMachineLock(input.container, async () => {
        const holders = await holdersOf(peers, model);
        if (holders.length === 0) await pull(engine, input, model);
        return holders;
      });
    } catch (error) {
      if (left === 0 || !(error instanceof StepError && OFFLINE.test(error.message))) throw error;
      progress(
        `${model}: ${engine.endpoint} reaches no registry; waiting for another host to have it`,
      );
      await pause(OFFLINE_PAUSE_MS);
    }
  }
}

interface Holder {
  place: ModelPlace;
  stored: StoredModel;
}

async function holdersOf(peers: readonly ModelPlace[], model: string): Promise<Holder[]> {
  const all = await Promise.all(
    peers.map(async (place) => ({
      place,
      stored: await storedModel(place, canonicalModel(model)),
    })),
  );
  return all.flatMap(({ place, stored }) => (stored ? [{ place, stored }] : []));
}

async function copied(
  { endpoint }: DockerEngine,
  { container }: ModelsInput,
  model: string,
  { place, stored }: Holder,
): Promise<boolean> {
  const began = Date.now();
  progress(`${model}: copying from ${place.endpoint} to ${endpoint}`);
  try {
    const source = await openSource(place, container);
    try {
      const bytes = await copyModel({ endpoint, container }, source, canonicalModel(model), stored);
      const seconds = Math.max(0.1, (Date.now() - began) / 1000);
      const mib = bytes / 1024 ** 2;
      progress(`${model}: ${mib.toFixed(0)} MiB in ${seconds.toFixed(1)} s (${place.endpoint})`);
    } finally {
      await source.close();
    }
    return true;
  } catch (error) {
    if (!(error instanceof DockerError || error instanceof StepError)) throw error;
    progress(`${model}: not copied from ${place.endpoint}: ${error.message}`);
    return false;
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
