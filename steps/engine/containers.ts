import { DockerError, dockerEngine } from "./docker-engine.ts";

/** What a container is doing; undefined when there is none of the name. */
export interface ContainerState {
  running: boolean;
  status: string;
  restarts: number;
  exitCode: number;
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
      State: { Running: boolean; Status: string; ExitCode: number };
      RestartCount: number;
      Config: { Image: string };
    }[];
    return (
      found && {
        running: found.State.Running,
        status: found.State.Status,
        restarts: found.RestartCount,
        exitCode: found.State.ExitCode,
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
