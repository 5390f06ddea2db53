import { readFileSync } from "node:fs";
import { dockerEngine, DockerError } from "../engine/docker-engine.ts";
import { percent, relay, type CopyTarget } from "./model-relay.ts";
import type { ModelSource } from "./model-source.ts";
import { manifestPath, MODELS_FOLDER, type Blob, type StoredModel } from "./model-store.ts";
import { TRANSFER_SECONDS } from "../limits.ts";
import { progress, StepError } from "../step-error.ts";

const script = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");

// A `docker exec` over ssh costs from a third of a second up, so a model is one of them.
const COPY = script("copy-model.sh");
const SIZES = script("part-sizes.sh");

/** Exit codes of COPY: a part is not what its digest says, and was begun by this run, or by an earlier one. */
const DAMAGED = 65;
const DAMAGED_BEFORE = 67;

/** A copy that did not become whole. What arrived is kept, unless it was damaged. */
export class CopyFailed extends StepError {
  /** Whether bytes came that were not there before: then another try brings more. */
  readonly gotFurther: boolean;

  constructor(message: string, gotFurther: boolean) {
    super(message);
    this.name = "CopyFailed";
    this.gotFurther = gotFurther;
  }
}

/**
 * Copies a model from another host: directly where its address is known and reached, else through this
 * machine.
 *
 * @returns bytes that were copied; parts that are there already are not
 * @throws CopyFailed when neither way led to a whole model
 */
export async function copyModel(
  target: CopyTarget,
  source: ModelSource,
  fullName: string,
  model: StoredModel,
): Promise<number> {
  const before = total(await sizes(target, model));
  try {
    if (!(await directly(target, source, fullName, model))) {
      await throughThisMachine(target, source, fullName, model);
    }
  } catch (error) {
    if (!(error instanceof DockerError || error instanceof StepError)) throw error;
    if (isDamaged(error)) {
      throw new CopyFailed(
        `${lastWords(error)}: it is damaged on ${source.name}; remove the model there (ollama rm ${fullName})`,
        false,
      );
    }
    throw new CopyFailed(
      `${lastWords(error)}; pulumi up goes on where it ended`,
      total(await sizes(target, model)) > before,
    );
  }
  return model.blobs.reduce((sum, { size }) => sum + size, 0) - before;
}

const isDamaged = (error: unknown) =>
  error instanceof DockerError && (error.code === DAMAGED || error.code === DAMAGED_BEFORE);

/**
 * Why it ended, in a line: of an engine that is not reached the first one, which has the way out. Nothing is said
 * where the docker command is killed.
 */
const lastWords = (error: DockerError | StepError) =>
  (error instanceof DockerError ? error.lastWords : error.message.split("\n")[0]) ||
  "the connection broke";

/** Whether the target could get it by itself. */
async function directly(
  target: CopyTarget,
  source: ModelSource,
  fullName: string,
  model: StoredModel,
): Promise<boolean> {
  if (!source.listener) return false;
  for (;;) {
    try {
      await put(target, fullName, model, source.listener);
      return true;
    } catch (error) {
      if (!(error instanceof DockerError) || error.code === DAMAGED) throw error;
      // It may be what was there before that was damaged, which is gone now.
      if (error.code === DAMAGED_BEFORE) continue;
      progress(`${fullName}: ${lastWords(error)}; trying through this machine`);
      return false;
    }
  }
}

async function throughThisMachine(
  target: CopyTarget,
  source: ModelSource,
  fullName: string,
  model: StoredModel,
): Promise<void> {
  for (;;) {
    const there = await sizes(target, model);
    for (const { file, size } of model.blobs) {
      const { bytes } = there.get(file)!;
      if (bytes < size) await relay(target, source, { file, size }, bytes);
    }
    try {
      return await put(target, fullName, model);
    } catch (error) {
      const begun = [...there.values()].some(({ bytes, verified }) => bytes > 0 && !verified);
      if (!(isDamaged(error) && begun)) throw error;
    }
  }
}

/** What docker is told to run COPY; without a listener it only verifies what lies in `lan`. */
export const copyArgs = (
  container: string,
  fullName: string,
  { blobs }: StoredModel,
  { address, port }: { address: string; port: number | "" } = { address: "", port: "" },
): string[] => [
  ...bashIn(container),
  ...[COPY, "bash", address, String(port), manifestPath(fullName), ...partsOf(blobs)],
];

/** What docker is told to run SIZES. */
export const sizesArgs = (container: string, { blobs }: StoredModel): string[] => [
  ...bashIn(container),
  ...[SIZES, "bash", ...partsOf(blobs)],
];

const bashIn = (container: string) => [
  ...["exec", "-i", "--workdir", MODELS_FOLDER, container, "bash", "-c"],
];

const partsOf = (blobs: readonly Blob[]) => blobs.map(({ file, size }) => `${file}/${size}`);

async function put(
  { endpoint, container }: CopyTarget,
  fullName: string,
  model: StoredModel,
  listener?: ModelSource["listener"],
): Promise<void> {
  await dockerEngine(endpoint).docker(copyArgs(container, fullName, model, listener), {
    input: `${listener?.token ?? ""}\n${model.manifest}`,
    timeoutSeconds: TRANSFER_SECONDS,
    onLine: (line) => {
      const [, at, of] = /^at (\d+) of (\d+)$/.exec(line) ?? [];
      if (at) progress(`${fullName}: ${percent(Number(at), Number(of))} copied`);
    },
  });
}

type Sizes = Map<string, { bytes: number; verified: boolean }>;

async function sizes({ endpoint, container }: CopyTarget, model: StoredModel): Promise<Sizes> {
  const table = await dockerEngine(endpoint).docker(sizesArgs(container, model));
  return new Map(
    table
      .trim()
      .split("\n")
      .map((line) => {
        const [file = "", bytes, state] = line.split(" ");
        return [file, { bytes: Number(bytes), verified: state === "verified" }];
      }),
  );
}

const total = (all: Sizes) => [...all.values()].reduce((sum, { bytes }) => sum + bytes, 0);
