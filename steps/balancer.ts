import { LOOPBACK_PORT } from "../templates/management.ts";
import { dockerEngine, DockerError } from "./docker-engine.ts";

/** Where the balancer runs and keeps its config. */
export interface BalancerPlace {
  endpoint: string;
  container: string;
  volume: string;
  network: string;
  /** Folder of its host with certificate and key, where they are files. */
  tlsFolder?: string;
}

/** An answer as the balancer got it. */
export interface Answer {
  status: number;
  body: string;
}

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
    if (error instanceof DockerError && /No such container/i.test(error.stderr)) return undefined;
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

/**
 * Sends a request from inside the balancer's container: what it cannot reach, clients can't either.
 *
 * @param seconds after which the request is given up
 * @param body JSON to post; without it the request is a GET
 * @throws DockerError with curl's own words when there was no answer
 */
export async function askFromBalancer(
  balancer: BalancerPlace,
  url: string,
  seconds: number,
  body?: unknown,
): Promise<Answer> {
  const post =
    body === undefined ? [] : ["-H", "Content-Type: application/json", "--data-binary", "@-"];
  const text = await dockerEngine(balancer.endpoint).docker(
    [
      "exec",
      "-i",
      balancer.container,
      "curl",
      "-sS",
      "-m",
      String(seconds),
      "-w",
      "\n%{http_code}",
      ...post,
      url,
    ],
    { input: body === undefined ? "" : JSON.stringify(body), timeoutSeconds: seconds + 15 },
  );
  const end = text.lastIndexOf("\n");
  return { status: Number(text.slice(end + 1)), body: text.slice(0, end) };
}

/** Hash of the config that nginx serves with; undefined when it does not answer. */
export async function servingHash(balancer: BalancerPlace): Promise<string | undefined> {
  try {
    const url = `http://127.0.0.1:${LOOPBACK_PORT}/config-hash`;
    return (await askFromBalancer(balancer, url, 2)).body;
  } catch (error) {
    if (error instanceof DockerError) return undefined;
    throw error;
  }
}
