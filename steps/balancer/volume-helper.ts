import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { CONFIG_FOLDER, NGINX_USER, TLS_FOLDER } from "../../templates/nginx-layout.ts";
import { DockerError, dockerEngine, dockerEnvironment } from "../engine/docker-engine.ts";
import { engineArgs } from "../engine/engine-tls.ts";
import { StepError } from "../step-error.ts";

/** Steps of one `up` take a second or two each; a longer wait means another `up`. */
const LOCK_SECONDS = 300;

/** By which the helper says that the folder is not nginx's user's yet: Docker makes it root's. */
const NOT_OURS = 77;

/** A container that holds the lock of a config volume for as long as this process lives. */
export interface VolumeHelper {
  /** Runs a script of ours in the volume's folder, as nginx's user. */
  sh(script: string, args: string[], input?: string): Promise<string>;
  end(): Promise<void>;
}

/**
 * Starts the helper and waits for the lock.
 *
 * @param beside the running balancer's container, to share its network and processes: nginx can then be
 *   signalled and asked from within, and a whole change costs one `docker run`
 * @throws StepError when somebody else holds it for too long
 */
export async function startVolumeHelper(
  balancer: BalancerRef,
  image: string,
  beside?: string,
): Promise<VolumeHelper> {
  try {
    return await lockedHelper(balancer, image, beside);
  } catch (error) {
    if (!(error instanceof DockerError && error.code === NOT_OURS)) throw error;
  }
  const { docker } = dockerEngine(balancer.endpoint);
  await docker([
    ...["run", "--rm", "--network", "none", "--user", "0:0", "--cap-drop", "ALL"],
    ...["--cap-add", "CHOWN", "--security-opt", "no-new-privileges", "--read-only"],
    ...["--volume", `${balancer.volume}:${CONFIG_FOLDER}`, "--entrypoint", "chown"],
    ...[image, NGINX_USER, CONFIG_FOLDER],
  ]);
  return lockedHelper(balancer, image, beside);
}

/**
 * Takes the lock (on the folder itself: it is there before anything was ever written), then runs one script
 * after the other. Each comes as three lines of base64: text, arguments, input; a call of `docker exec` for
 * each would cost ten times as much.
 */
const HOLDER = `[ -w "$0" ] || exit ${NOT_OURS}
exec 9<"$0" && cd "$0" && flock -w ${LOCK_SECONDS} 9 || exit 1
echo locked
while read -r text && read -r args && read -r input; do
  set --
  for arg in $args; do arg=$(echo "$arg" | base64 -d); set -- "$@" "\${arg#-}"; done
  text=$(echo "$text" | base64 -d)
  echo "$input" | base64 -d | sh -c "$text" sh "$@" >/tmp/out 2>/tmp/err 9<&-
  echo "$? $(base64 </tmp/out | tr -d '\\n'):$(base64 </tmp/err | tr -d '\\n')"
done`;

async function lockedHelper(balancer: BalancerRef, image: string, beside?: string) {
  const { endpoint } = dockerEngine(balancer.endpoint);
  const name = `${balancer.container}.config-${randomBytes(4).toString("hex")}`;
  const holder = spawn(
    "docker",
    [
      ...engineArgs(endpoint),
      ...["run", "--rm", "--interactive", "--name", name],
      ...(beside
        ? ["--network", `container:${beside}`, "--pid", `container:${beside}`]
        : ["--network", balancer.network]),
      ...["--user", NGINX_USER, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
      ...["--read-only", "--tmpfs", "/tmp:mode=1777"],
      ...["--volume", `${balancer.volume}:${CONFIG_FOLDER}`, "--entrypoint", "sh"],
      // nginx tests a config with the files that it names; --mount says so where there is no such folder.
      ...(balancer.tlsFolder
        ? ["--mount", `type=bind,source=${balancer.tlsFolder},target=${TLS_FOLDER},readonly`]
        : []),
      ...[image, "-c", HOLDER, CONFIG_FOLDER],
    ],
    { env: dockerEnvironment(), stdio: ["pipe", "pipe", "pipe"] },
  );
  const nextLine = linesOf(holder, balancer);
  await nextLine();
  return {
    async sh(text: string, args: string[], input = ""): Promise<string> {
      holder.stdin.write(
        `${base64(text)}\n${args.map((arg) => base64(`-${arg}`)).join(" ")}\n${base64(input)}\n`,
      );
      const [, code, stdout = "", stderr = ""] = /^(\d+) (.*):(.*)$/.exec(await nextLine()) ?? [];
      if (code === "0") return plain(stdout);
      throw new DockerError(["run"], plain(stderr), Number(code));
    },
    async end(): Promise<void> {
      if (holder.exitCode !== null || holder.signalCode !== null) return;
      const closed = new Promise((resolve) => holder.on("close", resolve));
      holder.stdin.end();
      await closed;
    },
  };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

const plain = (text: string) => Buffer.from(text, "base64").toString();

/** Gives the helper's lines one by one; rejects, saying why, once it has ended. */
function linesOf(holder: ChildProcessWithoutNullStreams, balancer: BalancerRef) {
  let stdout = "";
  let stderr = "";
  let ended: Error | undefined;
  let waiting: (() => void) | undefined;
  const wake = () => waiting?.();
  holder.stdin.on("error", () => {}); // it has ended, and `close` says why
  holder.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  holder.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
    wake();
  });
  holder.on("error", (error) => {
    ended = error;
    wake();
  });
  holder.on("close", (code) => {
    ended ??= endOf(balancer, code, stderr.trim());
    wake();
  });
  return async (): Promise<string> => {
    for (;;) {
      const end = stdout.indexOf("\n");
      if (end >= 0) {
        const line = stdout.slice(0, end);
        stdout = stdout.slice(end + 1);
        return line;
      }
      if (ended) throw ended;
      await new Promise<void>((resolve) => (waiting = resolve));
    }
  };
}

function endOf({ volume, endpoint }: BalancerRef, code: number | null, stderr: string): Error {
  if (code === NOT_OURS) return new DockerError(["run"], stderr, code);
  return new StepError(
    stderr || code !== 1
      ? `the balancer's config volume ${volume} on ${endpoint} cannot be opened: ${stderr || `its helper ended with code ${code}`}`
      : `another change of this mesh holds its config for more than ${LOCK_SECONDS} s; wait for it, or end it`,
  );
}
