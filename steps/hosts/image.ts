import { dockerEngine, DockerError } from "../engine/docker-engine.ts";
import { progress, StepError } from "../step-error.ts";

/** A pull of several GB over a slow line may take hours; this is only against one that hangs. */
const PULL_SECONDS = 6 * 3600;
/** Shown at most this often. */
const PROGRESS_MS = 10_000;

/** Which images one engine must have. */
export interface ImageInput {
  endpoint: string;
  images: string[];
}

/** Pulls the images that an engine does not have yet, before any container is touched. */
export async function image(input: ImageInput): Promise<{ images: string[] }> {
  for (const name of input.images) await ensureImage(input.endpoint, name);
  return { images: input.images };
}

async function ensureImage(endpoint: string, name: string): Promise<void> {
  const { docker } = dockerEngine(endpoint);
  try {
    await docker(["image", "inspect", "--format", "{{.Id}}", name]);
    return;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
  }
  const layers = new Map<string, string>();
  let shown = Date.now();
  progress(`${name}: pulling`);
  try {
    await docker(["pull", name], {
      timeoutSeconds: PULL_SECONDS,
      onLine: (line) => {
        const layer = /^([0-9a-f]{12}): (.*)$/.exec(line);
        if (layer) layers.set(layer[1]!, layer[2]!);
        if (Date.now() - shown < PROGRESS_MS) return;
        shown = Date.now();
        const complete = [...layers.values()].filter((state) => state === "Pull complete").length;
        progress(`${name}: ${complete} of ${layers.size} layers`);
      },
    });
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    throw new StepError(explainPull(endpoint, name, error.stderr));
  }
}

function explainPull(endpoint: string, name: string, stderr: string): string {
  const words = stderr.trim().split("\n").at(-1) ?? "";
  const cause = /manifest unknown|not found|does not exist|access denied|unauthorized/i.test(words)
    ? "does not exist in its registry, or needs a login; correct the name, or run docker login"
    : /no space left/i.test(words)
      ? "does not fit on the host's disk; free some space (docker image prune)"
      : "is not on the host and could not be pulled; correct the name, or load it there by docker load";
  return `image ${name} ${cause}\n  on ${endpoint}, docker says: ${words.slice(0, 300)}`;
}
