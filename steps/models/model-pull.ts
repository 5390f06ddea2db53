import { dockerEngine, DockerError } from "../engine/docker-engine.ts";
import type { CopyTarget } from "./model-relay.ts";
import { PROGRESS_MS, TRANSFER_SECONDS } from "../limits.ts";
import { progress, StepError } from "../step-error.ts";

/** Why a model did not come over the internet. */
type Cause = "unknown" | "unreachable" | "full" | "other";

/** A model that its registry did not give. */
export class PullFailed extends StepError {
  /** The host reaches no registry. */
  readonly unreachable: boolean;
  /** The model may be had elsewhere. */
  readonly elsewhere: boolean;

  constructor(message: string, cause: Cause) {
    super(message);
    this.name = "PullFailed";
    this.unreachable = cause === "unreachable";
    this.elsewhere = cause === "unreachable" || cause === "unknown";
  }
}

/** What docker is told to have Ollama download a model. */
export const pullArgs = (container: string, model: string): string[] => [
  ...["exec", container, "ollama", "pull"],
  ...(model.startsWith("http://") ? ["--insecure"] : []),
  model,
];

/**
 * Has Ollama download a model.
 *
 * @throws PullFailed
 */
export async function pullModel({ endpoint, container }: CopyTarget, model: string): Promise<void> {
  progress(`${model}: downloading to ${endpoint}`);
  let shown = Date.now();
  try {
    await dockerEngine(endpoint).docker(pullArgs(container, model), {
      timeoutSeconds: TRANSFER_SECONDS,
      onLine: (line) => {
        const part = /(\d+)% .*?([\d.]+ [KMGT]?B\/[\d.]+ [KMGT]?B)/.exec(line);
        if (!part || Date.now() - shown < PROGRESS_MS) return;
        shown = Date.now();
        progress(`${model}: ${part[1]}% (${part[2]})`);
      },
    });
  } catch (error) {
    if (error instanceof DockerError) throw explainPull(endpoint, model, error.stderr);
    throw error;
  }
}

const TEXTS: Record<Cause, (model: string) => string> = {
  unknown: () => "does not exist in its registry; correct the name in `models`",
  unreachable: (model) =>
    `could not be downloaded, because its registry cannot be reached from the host; mend the connection, or get the model on the machine that runs pulumi (ollama pull ${model}): it is copied from there`,
  full: () => "does not fit on the host's disk; free some space there",
  other: () =>
    "could not be downloaded; mend what Ollama says, and run pulumi up again: it goes on where it ended",
};

/** Why a model was not downloaded, by what `ollama pull` said, and what to do. */
export function explainPull(endpoint: string, model: string, stderr: string): PullFailed {
  const words =
    /Error: .*/.exec(stderr.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, ""))?.[0] ?? stderr.trim();
  const cause: Cause = /file does not exist|not found|unauthorized/i.test(words)
    ? "unknown"
    : /no space left/i.test(words)
      ? "full"
      : /dial tcp|lookup|timeout|connection refused|TLS/i.test(words)
        ? "unreachable"
        : "other";
  const text = `model ${model} ${TEXTS[cause](model)}\n  on ${endpoint}, Ollama says: ${words.slice(0, 300)}`;
  return new PullFailed(text, cause);
}
