import { readFileSync } from "node:fs";
import { CONFIG_FOLDER, NGINX_USER } from "../../templates/nginx-layout.ts";
import { DockerError, dockerEngine } from "../engine/docker-engine.ts";
import { fileLines } from "../engine/file-lines.ts";
import { StepError } from "../step-error.ts";
import { makeKeyPair, type KeyPair } from "./key-pair.ts";

/** By what a balancer and a node's guard know each other: each trusts exactly one certificate. */
export interface LinkKeyPairs {
  server: KeyPair;
  client: KeyPair;
}

/** The node whose guard it is for. */
export interface MakeLinkInput {
  /** Name in the certificates. */
  name: string;
}

/** Makes the two certificates of a link. What is printed is secret, and is made once: it is kept in the state. */
export async function makeLink({ name }: MakeLinkInput): Promise<LinkKeyPairs> {
  const [server, client] = await Promise.all([
    makeKeyPair(name, "server"),
    makeKeyPair(name, "client"),
  ]);
  return { server, client };
}

/** Files of a guard. */
export interface KeepGuardInput {
  endpoint: string;
  volume: string;
  /** nginx's. */
  image: string;
  /** By name; keys among them. */
  files: Record<string, string>;
}

/**
 * Puts the files of a guard into its volume, readable for nginx only.
 *
 * @throws StepError when they cannot be written
 */
export async function keepGuard(input: KeepGuardInput): Promise<{ kept: string[] }> {
  const { endpoint, volume, files } = input;
  try {
    await dockerEngine(endpoint).docker(keepGuardArgs(input), { input: fileLines(files) });
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const wayOut = error.isDiskFull
      ? "free some space there (docker system df shows what takes it)"
      : "mend that and run pulumi up again";
    throw new StepError(
      `the guard's volume ${volume} on ${endpoint} cannot be written: ${error.lastWords}; ${wayOut}`,
    );
  }
  return { kept: Object.keys(files) };
}

const KEEP = readFileSync(new URL("keep-guard.sh", import.meta.url), "utf8");

/** By which the files on its stdin are put into a guard's volume. */
export const keepGuardArgs = ({ volume, image }: KeepGuardInput): string[] => [
  ...["run", "--rm", "--interactive", "--network", "none", "--user", "0:0"],
  ...["--cap-drop", "ALL", "--cap-add", "CHOWN", "--security-opt", "no-new-privileges"],
  ...["--read-only", "--volume", `${volume}:${CONFIG_FOLDER}`],
  ...["--entrypoint", "sh", image, "-c", KEEP, "sh", CONFIG_FOLDER, NGINX_USER],
];
