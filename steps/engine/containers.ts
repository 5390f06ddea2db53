import { DockerError, dockerEngine } from "./docker-engine.ts";

/** What a container is doing; undefined when there is none of the name. */
export interface ContainerState {
  id: string;
  running: boolean;
  status: string;
  restarts: number;
  exitCode: number;
  /** Why Docker could not start it, in Docker's words; empty where it could. */
  error: string;
  /** Whether it last ended because it had no memory left. */
  outOfMemory: boolean;
  image: string;
}

/** Looks at a container. */
export async function containerState(
  endpoint: string,
  name: string,
): Promise<ContainerState | undefined> {
  try {
    const text = await dockerEngine(endpoint).docker(["container", "inspect", name]);
    const [found] = JSON.parse(text) as {
      Id: string;
      State: {
        Running: boolean;
        Status: string;
        ExitCode: number;
        Error?: string;
        OOMKilled?: boolean;
      };
      RestartCount: number;
      Config: { Image: string };
    }[];
    return (
      found && {
        id: found.Id,
        running: found.State.Running,
        status: found.State.Status,
        restarts: found.RestartCount,
        exitCode: found.State.ExitCode,
        error: found.State.Error ?? "",
        outOfMemory: found.State.OOMKilled ?? false,
        image: found.Config.Image,
      }
    );
  } catch (error) {
    if (error instanceof DockerError && error.isNotFound) return undefined;
    throw error;
  }
}

/** The last lines that a container logged. */
export async function lastLog(endpoint: string, name: string, lines = 8): Promise<string> {
  const all: string[] = [];
  await dockerEngine(endpoint).docker(["logs", "--tail", String(lines), name], {
    onLine: (line) => all.push(line),
  });
  return all
    .slice(-lines)
    .map((line) => `  ${line.slice(0, 300)}`)
    .join("\n");
}
