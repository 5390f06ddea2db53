import { type Problem, show } from "../problems.ts";

/**
 * Variables of the environment that Pulumi's docker plugin hears whatever it is told, and which would keep it from every
 * engine. A program cannot take them from it.
 *
 * @param environment as process.env
 */
export function dockerVariableProblems(
  environment: Readonly<Record<string, string | undefined>>,
): Problem[] {
  const problems: Problem[] = [];
  const { DOCKER_CERT_PATH: certificates, DOCKER_HOST: host } = environment;
  if (certificates) {
    problems.push({
      path: "DOCKER_CERT_PATH",
      text: `must not be set in the environment: Pulumi's docker plugin takes these certificates for every engine; unset DOCKER_CERT_PATH (those of an engine belong into ~/.docker/certs.d/HOST:PORT), got ${show(certificates)}`,
    });
  }
  if (host && !isEngine(host)) {
    problems.push({
      path: "DOCKER_HOST",
      text: `must be a Docker engine where the environment has it, though only nodes[].host and balancer.host are heard: Pulumi's docker plugin stops at any other; unset DOCKER_HOST, got ${show(host)}`,
    });
  }
  return problems;
}

/** What Docker's client takes, on this system. Source: moby, client.ParseHostURL and sockets.ConfigureTransport. */
function isEngine(host: string): boolean {
  const [, kind = "", rest = ""] = /^([a-z]+):\/\/(.+)$/s.exec(host) ?? [];
  if (kind === "unix") return Buffer.byteLength(rest) < LONGEST_SOCKET_PATH;
  if (kind === "npipe") return process.platform === "win32";
  return kind === "tcp" ? URL.canParse(`tcp://${rest}`) : kind !== "";
}

/** As the system calls take it. */
const LONGEST_SOCKET_PATH = 104;
