import { hostPort } from "../../config/net/host-port.ts";
import type { PublishedPort } from "../../plan/host-plan.ts";
import { type DockerEngine, DockerError, dockerEngine } from "../engine/docker-engine.ts";
import { StepError } from "../step-error.ts";

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
 */
export async function ports(input: PortsInput): Promise<{ free: string[] }> {
  const engine = dockerEngine(input.endpoint);
  const held = await heldBy(engine, input.container);
  const problems: string[] = [];
  for (const { ip, port } of input.ports) {
    if (held.has(`${ip}:${port}`)) continue;
    const problem = await tryPort(engine, input.image, ip, port);
    if (problem) problems.push(problem);
  }
  if (problems.length > 0) throw new StepError(problems.join("\n"));
  return { free: input.ports.map(({ ip, port }) => `${ip}:${port}`) };
}

async function heldBy({ docker }: DockerEngine, container: string): Promise<Set<string>> {
  const format = "{{json .HostConfig.PortBindings}} {{.State.Running}}";
  const text = await docker(["inspect", "--format", format, container]).catch((error: unknown) => {
    if (error instanceof DockerError) return "{} false";
    throw error;
  });
  const [bindings = "{}", running] = text.trim().split(/ (?=\w+$)/);
  if (running !== "true") return new Set();
  const all = Object.values(
    (JSON.parse(bindings) ?? {}) as Record<string, { HostIp: string; HostPort: string }[]>,
  ).flat();
  return new Set(all.map(({ HostIp, HostPort }) => `${HostIp || "0.0.0.0"}:${HostPort}`));
}

async function tryPort(
  { docker, endpoint }: DockerEngine,
  image: string,
  ip: string,
  port: number,
): Promise<string | undefined> {
  try {
    await docker([
      "run",
      "--rm",
      "--publish",
      `${hostPort(ip, port)}:1`,
      "--entrypoint",
      "true",
      image,
    ]);
    return undefined;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const { stderr } = error;
    if (/cannot assign requested address/i.test(stderr)) {
      return `address ${ip} is not one of the host at ${endpoint}; correct the address`;
    }
    if (/already in use|already allocated|in use/i.test(stderr)) {
      const names = await docker(["ps", "--filter", `publish=${port}`, "--format", "{{.Names}}"]);
      const holder = names.trim().split("\n").filter(Boolean).join(", ");
      const who = holder ? `by container ${holder}` : "by another program (ss -ltnp shows which)";
      return `port ${ip}:${port} of the host at ${endpoint} is in use ${who}; stop it, or declare another port`;
    }
    throw error;
  }
}
