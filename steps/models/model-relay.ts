import { pipeline } from "node:stream/promises";
import { dockerEngine } from "../engine/docker-engine.ts";
import type { ModelSource } from "./model-source.ts";
import { MODELS_FOLDER, type Blob } from "./model-store.ts";
import { PROGRESS_MS } from "../limits.ts";
import { progress, StepError } from "../step-error.ts";

/** The store that a model is copied into, by the container that has it mounted. */
export interface CopyTarget {
  endpoint: string;
  container: string;
}

/** How much of a whole, for people. */
export const percent = (at: number, of: number) => `${Math.floor((100 * at) / of)}%`;

/** What docker is told to append its stdin to what there is of a part. */
export const appendArgs = (container: string, file: string): string[] => [
  ...["exec", "-i", "--workdir", MODELS_FOLDER, container],
  ...["sh", "-c", 'cat >> "$0"', `lan/${file}`],
];

/**
 * Copies the rest of a part of a model, from a source through this machine into the folder `lan` of a store.
 *
 * @throws StepError with the words of the side that ended first; what has come stays, and is gone on from
 */
export async function relay(
  target: CopyTarget,
  source: ModelSource,
  { file, size }: Blob,
  offset: number,
): Promise<void> {
  const append = appendArgs(target.container, file);
  const into = dockerEngine(target.endpoint).start(append, { stderr: "shown" });
  into.stdout.resume(); // it says nothing, and is over only when that was read
  const written = into.ended.then(({ code }) => {
    if (code !== 0) throw new StepError(`the connection to ${target.endpoint} broke`);
  });
  let at = offset;
  let shown = Date.now();
  const from = source.read(file, offset).on("data", (chunk: Buffer) => {
    at += chunk.length;
    if (Date.now() - shown < PROGRESS_MS) return;
    shown = Date.now();
    progress(`${file.slice(0, 19)}…: ${percent(at, size)} copied`);
  });
  // When one of them ends early, the pipeline ends the other; the first one's words are those that count.
  const piped = pipeline(from, into.stdin).catch((error: Error) => {
    into.stdin.destroy();
    throw error instanceof StepError ? error : new StepError(`${source.name}: ${error.message}`);
  });
  const [first] = (await Promise.allSettled([written, piped])).flatMap((ended) =>
    ended.status === "rejected" ? [ended.reason as unknown] : [],
  );
  if (first) throw first;
}
