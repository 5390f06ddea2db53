import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { DEFAULT_ENGINE } from "../../config/defaults.ts";
import { parseEndpoint } from "../../config/net/engine-endpoint.ts";
import { isIPv4 } from "node:net";
import { addressAt, parseNetwork } from "../../config/net/ipv4-network.ts";
import { runProcess } from "../../steps/engine/process.ts";
import { COMMAND_SECONDS } from "../../steps/limits.ts";
import { StepError } from "../../steps/step-error.ts";
import { UsageError } from "../command.ts";

/** The largest range that is asked: /24. */
const MOST_ADDRESSES = 256;

/**
 * The engine that a word of the command line names: an endpoint as in a stack file, "local" for this machine, or what
 * ssh takes.
 *
 * @throws UsageError for what is none of these
 */
export function engineOf(word: string): string {
  if (word === "local") return DEFAULT_ENGINE;
  const endpoint = word.includes("://") ? word : `ssh://${word}`;
  if (parseEndpoint(endpoint)) return endpoint;
  throw new UsageError(
    `${word} is no machine; write what ssh takes (rack1, ops@rack1.lan), local, or unix:///path, ssh://user@host:port, tcp://host:port`,
  );
}

/**
 * The machines that an ssh config names, without its patterns. `Include` is not followed.
 *
 * @throws StepError when it cannot be read
 */
export async function sshConfigHosts(file = join(homedir(), ".ssh", "config")): Promise<string[]> {
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new StepError(`${file} cannot be read: ${error.message}; name the machines instead`);
  });
  const lines = text.split("\n").flatMap((line) => /^\s*Host[\s=]+(.+)$/i.exec(line)?.[1] ?? []);
  const names = lines.flatMap(wordsOf);
  return [...new Set(names.filter((name) => parseEndpoint(`ssh://${name}`)))].map(engineOf);
}

/** The patterns of a line: as ssh reads it, they may stand in quotes, and a word that begins with # ends them. */
function wordsOf(line: string): string[] {
  const words = line.trim().split(/\s+/);
  const end = words.findIndex((word) => word.startsWith("#"));
  return words.slice(0, end < 0 ? undefined : end).map((word) => word.replace(/^"(.*)"$/, "$1"));
}

/**
 * The engines of the docker command's contexts.
 *
 * @throws StepError when there is no docker command
 */
export async function dockerContexts(): Promise<string[]> {
  const args = ["context", "ls", "--format", "{{.DockerEndpoint}}"];
  const { code, stdout, stderr } = await runProcess("docker", args, {
    timeoutSeconds: COMMAND_SECONDS,
  }).catch(() => {
    throw new StepError("the docker command is not on this machine; name the machines instead");
  });
  if (code !== 0) throw new StepError(`docker context ls: ${stderr.trim()}`);
  return [...new Set(stdout.split("\n").filter((line) => parseEndpoint(line)))];
}

/**
 * The addresses of a range.
 *
 * @throws UsageError for what is no range, or a larger one than /24
 */
export function addressesOf(range: string): string[] {
  const network = parseNetwork(range);
  const bits = range.includes("/") ? Number(range.split("/")[1]) : 32;
  if (!network || !isIPv4(network.first.toString())) {
    throw new UsageError(`--range must be an IPv4 network as 192.168.1.0/24, got ${range}`);
  }
  const size = 2 ** (32 - bits);
  if (size > MOST_ADDRESSES) {
    throw new UsageError(
      `--range may have ${MOST_ADDRESSES} addresses (/24), ${range} has ${size}`,
    );
  }
  // The first and the last of a network are no machines.
  const [first, last] = size > 2 ? [1, size - 2] : [0, size - 1];
  return Array.from({ length: last - first + 1 }, (_, i) => addressAt(network, first + i));
}
