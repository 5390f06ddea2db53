import { dockerEngine, DockerError } from "../engine/docker-engine.ts";
import { PROGRESS_MS, TRANSFER_SECONDS } from "../limits.ts";
import { hasOtelModule, njsVersion } from "./nginx-modules.ts";
import { progress, StepError } from "../step-error.ts";

/** Which images one engine must have. */
export interface ImageInput {
  endpoint: string;
  images: string[];
  /** The one of them whose nginx is asked which njs it has. */
  asksNjs?: string;
  /** The one of them whose nginx is asked whether it can trace. */
  asksOtel?: string;
}

/** What became known of them. */
export interface ImageResult {
  images: string[];
  /** Version of nginx's njs module, empty where it has none; absent where nobody asked. */
  njs?: string;
  /** Whether nginx has the module that traces; absent where nobody asked. */
  otel?: boolean;
}

/**
 * Pulls the images that an engine does not have yet, before any container is touched.
 *
 * @throws StepError when one cannot be had
 */
export async function image({
  endpoint,
  images,
  asksNjs,
  asksOtel,
}: ImageInput): Promise<ImageResult> {
  for (const name of images) {
    if (!(await hasImage(endpoint, name))) await pull(endpoint, name);
  }
  return {
    images,
    ...(asksNjs === undefined ? {} : { njs: await njsVersion(endpoint, asksNjs) }),
    ...(asksOtel === undefined ? {} : { otel: await hasOtelModule(endpoint, asksOtel) }),
  };
}

async function hasImage(endpoint: string, name: string): Promise<boolean> {
  try {
    await dockerEngine(endpoint).docker(["image", "inspect", "--format", "{{.Id}}", name]);
    return true;
  } catch (error) {
    // Whatever is wrong with what is there, a pull mends it or has the better words.
    if (error instanceof DockerError) return false;
    throw error;
  }
}

async function pull(endpoint: string, name: string): Promise<void> {
  const layers = new Map<string, string>();
  let shown = Date.now();
  progress(`${name}: pulling`);
  try {
    await dockerEngine(endpoint).docker(["pull", name], {
      timeoutSeconds: TRANSFER_SECONDS,
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
    throw new StepError(explainPull(endpoint, name, error));
  }
}

/** Why an image could not be pulled, the way out and what docker says. */
function explainPull(endpoint: string, name: string, error: DockerError): string {
  return `image ${name} ${causeOf(error)}\n  on ${endpoint}, docker says: ${error.lastWords.slice(0, 300)}`;
}

function causeOf(error: DockerError): string {
  if (error.isRefusedByRegistry) {
    return "does not exist in its registry, or needs a login; correct the name, or run docker login";
  }
  if (error.isDiskFull) {
    return "does not fit on the host's disk; free some space (docker image prune)";
  }
  return "is not on the host and could not be pulled; correct the name, or load it there by docker load";
}
