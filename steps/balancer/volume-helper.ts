import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import {
  CONFIG_FOLDER,
  NGINX_USER,
  TLS_FOLDER,
  USAGE_FOLDER,
} from "../../templates/nginx-layout.ts";
import { DockerError, dockerEngine } from "../engine/docker-engine.ts";
import type { StartedProcess } from "../engine/process.ts";
import { explainUnreachable } from "../engine/unreachable.ts";
import { LOCK_SECONDS, LOCK_TOLD_SECONDS } from "../limits.ts";
import { progress, StepError } from "../step-error.ts";
import { WORKERS } from "./nginx-workers.ts";

/** What the helper runs: the functions that it can be asked for, and the loop that is asked. */
const PROGRAM = [WORKERS, script("config-volume.sh"), script("hold-volume.sh")].join("\n");

/** Exit codes of hold-volume.sh. */
const NOT_OURS = 77;
const LOCKED_BY_ANOTHER = 75;

/** A container that holds the lock of a config volume for as long as this process lives. */
export interface VolumeHelper {
  /**
   * Calls a function of config-volume.sh, as nginx's user.
   *
   * @returns what it printed
   * @throws DockerError with its exit code when that is not 0
   */
  call(words: readonly [string, ...string[]], input?: string): Promise<string>;
  /** Lets go of the lock. */
  end(): Promise<void>;
}

/**
 * Starts the helper and waits for the lock.
 *
 * @param image nginx image
 * @param beside the running balancer's container, to share its network and processes: nginx can then be
 *   signalled and asked from within, and a whole change costs one `docker run`; undefined where there is none
 * @throws StepError when the volume cannot be opened, or somebody else holds the lock for too long
 */
export async function startVolumeHelper(
  balancer: BalancerRef,
  image: string,
  beside: string | undefined,
): Promise<VolumeHelper> {
  const first = await lockedHelper(balancer, image, beside);
  if (first !== NOT_OURS) return first;
  await dockerEngine(balancer.endpoint).docker(chownArgs(balancer, image));
  const second = await lockedHelper(balancer, image, beside);
  if (second !== NOT_OURS) return second;
  throw new StepError(whyNotOpened(balancer, second, `it is not nginx's, ${NGINX_USER}`));
}

/** By which a new volume, which Docker makes root's, becomes nginx's. */
export const chownArgs = (
  { volume }: Pick<BalancerRef, "volume">,
  image: string,
  folder = CONFIG_FOLDER,
): string[] => [
  ...["run", "--rm", "--network", "none", "--user", "0:0", "--cap-drop", "ALL"],
  ...["--cap-add", "CHOWN", "--security-opt", "no-new-privileges", "--read-only"],
  ...["--volume", `${volume}:${folder}`, "--entrypoint", "chown"],
  ...[image, NGINX_USER, folder],
];

/** The volume with what API keys use. */
export interface OwnUsageInput {
  endpoint: string;
  volume: string;
  /** nginx image. */
  image: string;
}

/**
 * Makes that volume nginx's, too.
 *
 * @throws DockerError when it cannot be opened
 */
export async function ownUsage(input: OwnUsageInput): Promise<{ owned: true }> {
  await dockerEngine(input.endpoint).docker(chownArgs(input, input.image, USAGE_FOLDER));
  return { owned: true };
}

/**
 * By which the helper is run.
 *
 * @param name of its container
 */
export const helperArgs = (
  { volume, network, tlsFolder }: BalancerRef,
  image: string,
  name: string,
  beside: string | undefined,
): string[] => [
  ...["run", "--rm", "--interactive", "--name", name],
  ...(beside
    ? ["--network", `container:${beside}`, "--pid", `container:${beside}`]
    : ["--network", network]),
  ...["--user", NGINX_USER, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
  ...["--read-only", "--tmpfs", "/tmp:mode=1777"],
  ...["--volume", `${volume}:${CONFIG_FOLDER}`, "--entrypoint", "sh"],
  // nginx tests a config with the files that it names; --mount says so where there is no such folder.
  ...(tlsFolder ? ["--mount", `type=bind,source=${tlsFolder},target=${TLS_FOLDER},readonly`] : []),
  ...[image, "-c", PROGRAM, "sh", CONFIG_FOLDER, `${LOCK_SECONDS}`],
];

async function lockedHelper(
  balancer: BalancerRef,
  image: string,
  beside: string | undefined,
): Promise<VolumeHelper | typeof NOT_OURS> {
  const name = `${balancer.container}.config-${randomBytes(4).toString("hex")}`;
  const holder = dockerEngine(balancer.endpoint).start(helperArgs(balancer, image, name, beside));
  const lines = holder.lines();
  const telling = setTimeout(() => {
    const { volume, endpoint } = balancer;
    progress(
      `${volume} on ${endpoint}: waiting for another change of this mesh, ${LOCK_SECONDS} s at most`,
    );
  }, LOCK_TOLD_SECONDS * 1000);
  const { value: greeting } = await lines.next();
  clearTimeout(telling);
  if (greeting === undefined) {
    const { code, stderr } = await holder.ended;
    if (code === NOT_OURS) return NOT_OURS;
    throw new StepError(whyNotOpened(balancer, code, stderr.trim()));
  }
  return {
    async call(words, input = "") {
      holder.stdin.write(request(words, input));
      const { value: answer } = await lines.next();
      if (answer === undefined) throw await lost(balancer, holder);
      const [code, stdout = "", stderr = ""] = answer.split(":");
      if (code === "0") return decoded(stdout);
      throw new DockerError(["run"], decoded(stderr), Number(code));
    },
    async end() {
      holder.stdin.end();
      await holder.ended;
    },
  };
}

/** A request as hold-volume.sh reads it. */
export const request = (words: readonly string[], input: string): string =>
  [`${words.length}`, ...words.map(encoded), encoded(input)].map((line) => `${line}\n`).join("");

function whyNotOpened(balancer: BalancerRef, code: number | null, said: string): string {
  const { volume, endpoint, tlsFolder } = balancer;
  if (code === LOCKED_BY_ANOTHER) {
    return `another change of this mesh holds its config for more than ${LOCK_SECONDS} s; wait for it, or end it`;
  }
  const unreachable = explainUnreachable(endpoint, said);
  if (unreachable) return unreachable;
  const wayOut =
    tlsFolder && said.includes("bind source path does not exist")
      ? `put certificate and key into ${tlsFolder} there, or correct balancer.tls.certificateFile`
      : "mend that and run pulumi up again; nothing was changed";
  return `the balancer's config volume ${volume} on ${endpoint} cannot be opened: ${said || `its helper ended with code ${code}`}; ${wayOut}`;
}

async function lost({ volume, endpoint }: BalancerRef, holder: StartedProcess): Promise<StepError> {
  const { code, stderr } = await holder.ended;
  const said = stderr.trim() || `it ended with code ${code}`;
  return new StepError(
    explainUnreachable(endpoint, stderr) ??
      `the helper that held the balancer's config volume ${volume} on ${endpoint} is gone: ${said}; run pulumi up again, a change is whole or not there at all`,
  );
}

function script(name: string): string {
  return readFileSync(new URL(name, import.meta.url), "utf8");
}

const encoded = (text: string) => Buffer.from(text).toString("base64");

const decoded = (text: string) => Buffer.from(text, "base64").toString();
