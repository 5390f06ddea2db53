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
  /** What will be changed on the host, so that a change is preceded by a new look at it. */
  for: string;
}

/** Asks a host, before anything is changed, whether what is declared can work there. */
export async function preflight(input: PreflightInput): Promise<{ engine: string }> {
  const { docker, endpoint } = dockerEngine(input.endpoint);
  const asked = { timeoutSeconds: ANSWER_SECONDS };
  const version = JSON.parse(await docker(["version", "--format", "{{json .Server}}"], asked)) as {
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
