import { engineHost, remoteSocket, sshDestination } from "../../config/net/engine-endpoint.ts";
import { runProcess } from "../engine/process.ts";
import { explainUnreachable } from "../engine/unreachable.ts";
import { HOST_ANSWER_SECONDS } from "../limits.ts";

/**
 * Newer docker commands say of every failure behind ssh only that there is no daemon at
 * "docker.example.com": the one on the host itself has the reason.
 *
 * @param message what the docker command here said
 */
export async function reasonUnreached(endpoint: string, message: string): Promise<string> {
  const destination = sshDestination(endpoint);
  if (!destination || !message.includes("docker.example.com")) return message;
  const socket = remoteSocket(endpoint);
  const asked = { timeoutSeconds: HOST_ANSWER_SECONDS };
  const said = await runProcess(
    "ssh",
    ["-T", ...destination, "docker", ...socket, "version"],
    asked,
  ).catch(
    () => undefined, // no ssh on this machine
  );
  const lines = `${said?.stdout ?? ""}${said?.stderr ?? ""}`.trim().split("\n");
  return explainUnreachable(endpoint, lines.at(-1)!) ?? message;
}

/**
 * What to declare when a host is meant to be off; empty without anything on it.
 *
 * @param balancer endpoint of a host with one of two balancers
 */
export function waysAround(nodes: readonly string[], balancer?: string): string {
  if (nodes.length === 0 && balancer === undefined) return "";
  const entries = [
    ...(balancer === undefined ? [] : [`host: ${JSON.stringify(balancer)}`]),
    ...nodes.map((name) => `name: ${name}`),
  ];
  const lines = entries.map((entry) => `    - { ${entry}, offline: true, ... }`).join("\n");
  return `\n  Is it switched off on purpose? This leaves it alone while the rest is changed; then run pulumi up again:\n${lines}`;
}

/** How nodes get off a host that cannot be reached as it was declared until now. */
export function waysToLeave(endpoint: string, nodes: readonly string[]): string {
  const host = JSON.stringify(endpoint);
  const lines = nodes.map((name) => `    - { name: ${name}, host: ${host}, offline: true, ... }`);
  const renamed = sshDestination(endpoint)
    ? `\n  Has the machine another name or address now? Then let ssh know it by the old one too until this is through: Host ${engineHost(endpoint)}, HostName and its address, in ~/.ssh/config`
    : "";
  return `${renamed}\n  Is it switched off, or gone? This, with its old host, leaves it alone; what else is to change of the node comes after that, in another pulumi up:\n${lines.join("\n")}`;
}
