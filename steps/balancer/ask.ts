import { readFileSync } from "node:fs";
import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import type { NodeTlsPlan } from "../../plan/node-plan.ts";
import { CONFIG_FOLDER, LOOPBACK_PORT, OWN_SOCKET } from "../../templates/nginx-layout.ts";
import { USAGE_PATH } from "../../templates/status/status-conf.ts";
import { DockerError, type DockerEngine, dockerEngine } from "../engine/docker-engine.ts";
import { fileLines } from "../engine/file-lines.ts";
import { CURL_START_SECONDS, HASH_SECONDS } from "../limits.ts";

/** What nginx tells inside its container only, by path. */
export const loopbackUrl = (path: string): string => `http://127.0.0.1:${LOOPBACK_PORT}${path}`;

/** Where nginx says, inside its container, which config it serves with. */
export const CONFIG_HASH_URL = loopbackUrl("/config-hash");

/** Where nginx is told, inside its container, that it is about to be sent off. It may know of no such page. */
export const LEAVING_URL = loopbackUrl(`${USAGE_PATH}?leaving=1`);

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
  /** Sent as a bearer token; absent where it asks for none. */
  apiKey?: string;
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
 * Asks a node as nginx will: at its address, with its key; over HTTPS by its name, with its certificate verified and
 * the balancer's own shown.
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
  const plain = node.tls === undefined && node.apiKey === undefined;
  const command = plain ? curlCommand(asked) : nodeCurlCommand(node, asked);
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

/**
 * Asks an nginx by itself, at the socket that only it has: its ports may be another one's, which it is about to follow.
 *
 * @param nginx id or name of its container
 * @returns what it tells
 * @throws DockerError with curl's own words when it does not answer
 * @throws StepError when docker does not end: engines before 29 may never answer for a container that ends just then
 */
export const askItself = ({ docker }: DockerEngine, nginx: string, url: string): Promise<string> =>
  docker(
    ["exec", nginx, "curl", "-fsS", "-m", `${HASH_SECONDS}`, "--unix-socket", OWN_SOCKET, url],
    { timeoutSeconds: HASH_SECONDS + CURL_START_SECONDS },
  );

const OBSERVE = readFileSync(new URL("observe.sh", import.meta.url), "utf8");

/** By which docker asks a balancer's container what it has at the moment: see observe.sh. */
export const observeCommand = (container: string): string[] => [
  ...["exec", container, "sh", "-c", OBSERVE, "sh", CONFIG_FOLDER, CONFIG_HASH_URL, OWN_SOCKET],
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
    input: body === undefined ? "" : textOf(body),
  };
}

const WITH_FILES = readFileSync(new URL("curl-with-files.sh", import.meta.url), "utf8");

/** By which curl asks over HTTPS, or with a key; certificates and keys are files, and so is the body then. */
export function nodeCurlCommand(
  { address, port, tls, apiKey }: NodeRef,
  { url, seconds, body }: Question,
): Command {
  const { caCertificate, client } = tls ?? {};
  const options = tls ? ["--connect-to", `::${hostPort(address, port)}`] : [];
  const files: Record<string, string> = {};
  if (apiKey !== undefined) {
    options.push("-H", "@authorization");
    files["authorization"] = `Authorization: Bearer ${apiKey}`;
  }
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
    files["body"] = textOf(body);
  }
  return {
    words: [...["sh", "-c", WITH_FILES, "sh"], ...ALWAYS, "-m", `${seconds}`, ...options, url],
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

/** A text is JSON already. */
const textOf = (body: unknown): string => (typeof body === "string" ? body : JSON.stringify(body));
