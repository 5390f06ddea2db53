import { hostPort } from "../../config/net/host-port.ts";
import type { PublishedPort } from "../../plan/host-plan.ts";
import { type DockerEngine, DockerError, dockerEngine } from "../engine/docker-engine.ts";
import { StepError } from "../step-error.ts";
import { holdsPart, type PortBindings, publishedBy } from "./front/published-ports.ts";

/** Which ports a container is about to publish. */
export interface PortsInput {
  endpoint: string;
  /** Its present incarnation may hold them already. */
  container: string;
  /** Any image that the engine has. */
  image: string;
  ports: PublishedPort[];
}

/**
 * Finds out, while the old container still runs, whether the new one could publish its ports: a
 * container is replaced by deleting the old one first, and then it would be too late.
 *
 * @throws StepError with every port that is not free
 */
export async function ports(input: PortsInput): Promise<{ free: string[] }> {
  const engine = dockerEngine(input.endpoint);
  const held = await heldBy(engine, input.container);
  const problems: string[] = [];
  for (const { ip, port } of input.ports) {
    // From 127.0.0.1 to 0.0.0.0, say: Docker lets it go first. See front/give-address.ts.
    if (holdsPart([...held], ip, port)) continue;
    const problem = await tryPort(engine, input.image, ip, port);
    if (problem) problems.push(problem);
  }
  if (problems.length > 0) throw new StepError(problems.join("\n"));
  return { free: input.ports.map(({ ip, port }) => `${ip}:${port}`) };
}

/** Addresses and ports that a container holds; none when it does not run. */
async function heldBy({ docker }: DockerEngine, container: string): Promise<Set<string>> {
  try {
    return heldPorts(await docker(["container", "inspect", container]));
  } catch (error) {
    if (error instanceof DockerError && error.isNotFound) return new Set();
    throw error;
  }
}

/** Addresses and ports that a container holds, by what the engine says of it. */
export function heldPorts(inspected: string): Set<string> {
  const [found] = JSON.parse(inspected) as {
    State: { Running: boolean };
    HostConfig: { PortBindings: PortBindings };
  }[];
  return new Set(found?.State.Running ? publishedBy(found.HostConfig.PortBindings) : []);
}

/** By which a container that does nothing publishes a port. */
export const portProbe = (image: string, ip: string, port: number): string[] => [
  ...["run", "--rm", "--publish", `${hostPort(ip, port)}:1`, "--entrypoint", "true", image],
];

async function tryPort(
  { docker, endpoint }: DockerEngine,
  image: string,
  ip: string,
  port: number,
): Promise<string | undefined> {
  try {
    await docker(portProbe(image, ip, port));
    return undefined;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    if (error.isAddressUnknown) {
      return `address ${ip} is not one of the host at ${endpoint}; correct the address`;
    }
    if (!error.isPortInUse) throw error;
    const names = await docker(["ps", "--filter", `publish=${port}`, "--format", "{{.Names}}"]);
    const holder = names.trim().split("\n").filter(Boolean).join(", ");
    const who = holder ? `by container ${holder}` : "by another program (ss -ltnp shows which)";
    return `port ${ip}:${port} of the host at ${endpoint} is in use ${who}; stop it, or declare another port`;
  }
}
