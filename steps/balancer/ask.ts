import { readFileSync } from "node:fs";
import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import type { NodeTlsPlan } from "../../plan/node-plan.ts";
import { CONFIG_FOLDER, LOOPBACK_PORT } from "../../templates/nginx-layout.ts";
import { DockerError, dockerEngine } from "../engine/docker-engine.ts";
import { fileLines } from "../engine/file-lines.ts";
import { CURL_START_SECONDS, HASH_SECONDS } from "../limits.ts";

/** Where nginx says, inside its container, which config it serves with. */
export const CONFIG_HASH_URL = `http://127.0.0.1:${LOOPBACK_PORT}/config-hash`;

/** An answer as the balancer got it. */
export interface Answer {
  status: number;
  body: string;
}

/** A request that the balancer's container sends. */
export interface Question {
  url: string;
  /** After which it is given up. */
  seconds: number;
  /** JSON to post; without it the request is a GET. */
  body?: unknown;
}

/** A node as the balancer reaches it. */
export interface NodeRef {
  address: string;
  port: number;
  /** How HTTPS is spoken with it; absent for plain HTTP. */
  tls?: NodeTlsPlan;
}

/** What a node is asked by: over HTTPS by its name. */
export function nodeUrl({ address, port, tls }: NodeRef, path: string): string {
  return `${tls ? "https" : "http"}://${hostPort(tls?.serverName ?? address, port)}${path}`;
}

/**
 * Sends a request from inside the balancer's container: what it cannot reach, clients can't either.
 *
 * @throws DockerError with curl's own words when there was no answer
 */
export function askFromBalancer(balancer: BalancerRef, question: Question): Promise<Answer> {
  return ask(balancer, question.seconds, curlCommand(question));
}

/**
 * Asks a node as nginx will: at its address; over HTTPS by its name, with its certificate verified and the
 * balancer's own shown.
 *
 * @param question with the path of its URL
 * @throws DockerError with curl's own words when there was no answer, or a certificate is not good
 */
export function askNode(
  balancer: BalancerRef,
  node: NodeRef,
  { path, ...question }: Omit<Question, "url"> & { path: string },
): Promise<Answer> {
  const asked = { ...question, url: nodeUrl(node, path) };
  const command = node.tls ? tlsCurlCommand(node, node.tls, asked) : curlCommand(asked);
  return ask(balancer, question.seconds, command);
}

/** Hash of the config that nginx serves with; undefined when it does not answer. */
export async function servingHash(balancer: BalancerRef): Promise<string | undefined> {
  try {
    const question = { url: CONFIG_HASH_URL, seconds: HASH_SECONDS };
    return (await askFromBalancer(balancer, question)).body;
  } catch (error) {
    if (error instanceof DockerError) return undefined;
    throw error;
  }
}

const OBSERVE = readFileSync(new URL("observe.sh", import.meta.url), "utf8");

/** By which docker asks a balancer's container what it has at the moment: see observe.sh. */
export const observeCommand = (container: string): string[] => [
  ...["exec", container, "sh", "-c", OBSERVE, "sh", CONFIG_FOLDER, CONFIG_HASH_URL],
];

/** A program for the balancer's container, and what stands on its stdin. */
interface Command {
  words: string[];
  input: string;
}

/** Answers end with their status, on a line of its own. */
const ALWAYS = ["-sS", "-w", "\n%{http_code}"];

const JSON_BODY = ["-H", "Content-Type: application/json", "--data-binary"];

/** By which curl asks. */
export function curlCommand({ url, seconds, body }: Question): Command {
  const post = body === undefined ? [] : [...JSON_BODY, "@-"];
  return {
    words: ["curl", ...ALWAYS, "-m", `${seconds}`, ...post, url],
    input: body === undefined ? "" : JSON.stringify(body),
  };
}

const WITH_FILES = readFileSync(new URL("curl-with-files.sh", import.meta.url), "utf8");

/** By which curl asks over HTTPS; certificates and the key are files, and so is the body then. */
export function tlsCurlCommand(
  { address, port }: NodeRef,
  { caCertificate, client }: NodeTlsPlan,
  { url, seconds, body }: Question,
): Command {
  const options: string[] = [];
  const files: Record<string, string> = {};
  if (caCertificate !== undefined) {
    options.push("--cacert", "authority.pem");
    files["authority.pem"] = caCertificate;
  }
  if (client) {
    options.push("--cert", "client.pem", "--key", "client.key");
    files["client.pem"] = client.certificate;
    files["client.key"] = client.key;
  }
  if (body !== undefined) {
    options.push(...JSON_BODY, "@body");
    files["body"] = JSON.stringify(body);
  }
  const at = ["--connect-to", `::${hostPort(address, port)}`];
  return {
    words: [
      ...["sh", "-c", WITH_FILES, "sh"],
      ...[...ALWAYS, "-m", `${seconds}`, ...at, ...options, url],
    ],
    input: fileLines(files),
  };
}

async function ask(
  { endpoint, container }: BalancerRef,
  seconds: number,
  { words, input }: Command,
): Promise<Answer> {
  const text = await dockerEngine(endpoint).docker(["exec", "-i", container, ...words], {
    input,
    timeoutSeconds: seconds + CURL_START_SECONDS,
  });
  const end = text.lastIndexOf("\n");
  return { status: Number(text.slice(end + 1)), body: text.slice(0, end) };
}
