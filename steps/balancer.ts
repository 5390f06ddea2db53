import { hostPort } from "../components/balancer-plan.ts";
import type { NodeTlsPlan } from "../components/plan.ts";
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
  const input = body === undefined ? "" : JSON.stringify(body);
  return curl(balancer, [...post, url], seconds, input);
}

/**
 * Asks a node over HTTPS as nginx will: at its address, by its name, its certificate verified.
 *
 * @throws DockerError with curl's own words when there was no answer, or the certificate is not good
 */
export function askOverTls(
  balancer: BalancerPlace,
  { address, port, tls }: { address: string; port: number; tls: NodeTlsPlan },
  path: string,
  seconds: number,
): Promise<Answer> {
  const to = ["--connect-to", `::${hostPort(address, port)}`];
  const authority = tls.caCertificate === undefined ? [] : ["--cacert", "/dev/stdin"];
  const url = `https://${hostPort(tls.serverName, port)}${path}`;
  return curl(balancer, [...to, ...authority, url], seconds, tls.caCertificate ?? "");
}

async function curl(
  { endpoint, container }: BalancerPlace,
  args: readonly string[],
  seconds: number,
  input: string,
): Promise<Answer> {
  const text = await dockerEngine(endpoint).docker(
    ["exec", "-i", container, "curl", "-sS", "-m", `${seconds}`, "-w", "\n%{http_code}", ...args],
    { input, timeoutSeconds: seconds + 15 },
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
