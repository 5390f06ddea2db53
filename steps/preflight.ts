import { dockerEngine } from "./docker-engine.ts";
import { StepError } from "./step-error.ts";

/** Docker 20.10, the oldest engine the mesh is tested with. */
const OLDEST_API = [1, 41];
/** An engine that needs longer would stall every later step. */
const ANSWER_SECONDS = 15;

/** What preflight asks one engine. */
export interface PreflightInput {
  endpoint: string;
  /** Whether nodes on it need the NVIDIA runtime. */
  nvidia: boolean;
  /** Names of the nodes on it. */
  nodes?: string[];
  /** It is declared to be switched off. */
  offline?: boolean;
  /** What will be changed on the host, so that a change is preceded by a new look at it. */
  for: string;
}

/** Asks a host, before anything is changed, whether what is declared can work there. */
export async function preflight(input: PreflightInput): Promise<{ engine: string }> {
  if (input.offline) {
    throw new StepError(
      `Docker engine ${input.endpoint} is declared offline, but nothing was ever made there; leave its nodes out until it is on`,
    );
  }
  const { docker, endpoint } = dockerEngine(input.endpoint);
  const asked = { timeoutSeconds: ANSWER_SECONDS };
  const version = JSON.parse(await requireEngine(endpoint, input.nodes ?? [])) as {
    Version: string;
    ApiVersion: string;
    Os: string;
  };
  const problems: string[] = [];
  if (version.Os !== "linux") {
    problems.push(`it runs ${version.Os} containers; switch it to Linux containers`);
  }
  const [major = 0, minor = 0] = version.ApiVersion.split(".").map(Number);
  if (major < OLDEST_API[0]! || (major === OLDEST_API[0] && minor < OLDEST_API[1]!)) {
    problems.push(`Docker ${version.Version} is too old; install 20.10 or newer`);
  }
  if (input.nvidia) {
    const runtimes = await docker(
      ["info", "--format", "{{json .Runtimes}} {{json .CDISpecDirs}}"],
      asked,
    ).catch(() => docker(["info", "--format", "{{json .Runtimes}}"], asked));
    if (!/nvidia/.test(runtimes) && !/cdi/.test(runtimes)) {
      problems.push(
        "a node on it declares NVIDIA GPUs, but it has no nvidia runtime; install the NVIDIA container toolkit (nvidia-ctk runtime configure) and restart Docker",
      );
    }
  }
  if (problems.length > 0) {
    throw new StepError(
      problems.map((problem) => `Docker engine ${endpoint}: ${problem}`).join("\n"),
    );
  }
  return { engine: version.Version };
}

/**
 * Asks an engine for its version, as JSON.
 *
 * @param nodes those on it, for the way out
 * @throws StepError when it does not answer
 */
export async function requireEngine(endpoint: string, nodes: string[]): Promise<string> {
  try {
    const { docker } = dockerEngine(endpoint);
    const asked = { timeoutSeconds: ANSWER_SECONDS };
    return await docker(["version", "--format", "{{json .Server}}"], asked);
  } catch (error) {
    if (!(error instanceof StepError) || nodes.length === 0) throw error;
    throw new StepError(
      `${error.message}\n  Is it switched off on purpose? This leaves it alone while the rest is changed; then run pulumi up again:\n${nodes.map((name) => `    - { name: ${name}, offline: true, ... }`).join("\n")}`,
    );
  }
}
