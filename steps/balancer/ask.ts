import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import type { NodeTlsPlan } from "../../plan/node-plan.ts";
import { LOOPBACK_PORT } from "../../templates/nginx-layout.ts";
import { DockerError, dockerEngine } from "../engine/docker-engine.ts";
import { fileLines } from "../engine/file-lines.ts";

/** An answer as the balancer got it. */
export interface Answer {
  status: number;
  body: string;
}

/**
 * Sends a request from inside the balancer's container: what it cannot reach, clients can't either.
 *
 * @param seconds after which the request is given up
 * @param body JSON to post; without it the request is a GET
 * @throws DockerError with curl's own words when there was no answer
 */
export async function askFromBalancer(
  balancer: BalancerRef,
  url: string,
  seconds: number,
  body?: unknown,
): Promise<Answer> {
  const post =
    body === undefined ? [] : ["-H", "Content-Type: application/json", "--data-binary", "@-"];
  const input = body === undefined ? "" : JSON.stringify(body);
  return curl(balancer, [...post, url], seconds, input);
}

/** A node as the balancer reaches it. */
export interface NodeRef {
  address: string;
  port: number;
  /** How HTTPS is spoken with it; absent for plain HTTP. */
  tls?: NodeTlsPlan;
}

/** What a node is asked by. */
export function nodeUrl({ address, port, tls }: NodeRef, path: string): string {
  return `${tls ? "https" : "http"}://${hostPort(tls?.serverName ?? address, port)}${path}`;
}

/**
 * Asks a node as nginx will: at its address; over HTTPS by its name, with its certificate verified and the
 * balancer's own shown.
 *
 * @param seconds after which the request is given up
 * @param body JSON to post; without it the request is a GET
 * @throws DockerError with curl's own words when there was no answer, or a certificate is not good
 */
export function askNode(
  balancer: BalancerRef,
  node: NodeRef,
  path: string,
  seconds: number,
  body?: unknown,
): Promise<Answer> {
  const { address, port, tls } = node;
  const url = nodeUrl(node, path);
  if (!tls) return askFromBalancer(balancer, url, seconds, body);
  const args = ["--connect-to", `::${hostPort(address, port)}`];
  const files: Record<string, string> = {};
  const file = (option: string, name: string, content: string | undefined) => {
    if (content === undefined) return;
    args.push(option, name);
    files[name.replace(/^@/, "")] = content;
  };
  file("--cacert", "authority.pem", tls.caCertificate);
  file("--cert", "client.pem", tls.client?.certificate);
  file("--key", "client.key", tls.client?.key);
  if (body !== undefined) {
    args.push("-H", "Content-Type: application/json");
    file("--data-binary", "@body", JSON.stringify(body));
  }
  return curl(balancer, [...args, url], seconds, files);
}

/** Files on stdin as lines of name and base64, for curl in a folder that is there for as long as it runs, in memory. */
const WITH_FILES = `umask 077; folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder" || exit 1
while read -r name data; do echo "$data" | base64 -d > "$name"; done
curl "$@"`;

async function curl(
  { endpoint, container }: BalancerRef,
  args: readonly string[],
  seconds: number,
  given: string | Record<string, string>,
): Promise<Answer> {
  const files = typeof given === "object";
  const input = files ? fileLines(given) : given;
  const program = files ? ["sh", "-c", WITH_FILES, "sh"] : ["curl"];
  const text = await dockerEngine(endpoint).docker(
    [
      "exec",
      "-i",
      container,
      ...program,
      "-sS",
      "-m",
      `${seconds}`,
      "-w",
      "\n%{http_code}",
      ...args,
    ],
    { input, timeoutSeconds: seconds + 15 },
  );
  const end = text.lastIndexOf("\n");
  return { status: Number(text.slice(end + 1)), body: text.slice(0, end) };
}

/** Hash of the config that nginx serves with; undefined when it does not answer. */
export async function servingHash(balancer: BalancerRef): Promise<string | undefined> {
  try {
    const url = `http://127.0.0.1:${LOOPBACK_PORT}/config-hash`;
    return (await askFromBalancer(balancer, url, 2)).body;
  } catch (error) {
    if (error instanceof DockerError) return undefined;
    throw error;
  }
}
