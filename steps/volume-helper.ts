import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { TLS_FOLDER } from "../templates/tls.ts";
import type { BalancerPlace } from "./balancer.ts";
import { dockerEngine, dockerEnvironment } from "./docker-engine.ts";
import { StepError } from "./step-error.ts";

/** Where the config volume is mounted. */
export const CONFIG_FOLDER = "/etc/nginx/mesh";
/** User and group nginx of the official image; the balancer runs as it, without any capability. */
export const NGINX_USER = "101:101";
/** Steps of one `up` take a second or two each; a longer wait means another `up`. */
const LOCK_SECONDS = 300;

/** A container that holds the lock of a config volume for as long as this process lives. */
export interface VolumeHelper {
  /** Runs a script of ours in the volume's folder, as nginx's user. */
  sh(script: string, args: string[], input?: string): Promise<string>;
  end(): Promise<void>;
}

/**
 * Starts the helper and waits for the lock.
 *
 * @throws StepError when somebody else holds it for too long
 */
export async function startVolumeHelper(
  balancer: BalancerPlace,
  image: string,
): Promise<VolumeHelper> {
  const { docker, endpoint } = dockerEngine(balancer.endpoint);
  const name = `${balancer.container}.config-${randomBytes(4).toString("hex")}`;
  // flock on the folder itself: it is there before anything was ever written.
  const script = `chown ${NGINX_USER} "$0" && exec flock -w ${LOCK_SECONDS} "$0" sh -c 'echo locked; exec cat >/dev/null'`;
  const holder = spawn(
    "docker",
    [
      ...["-H", endpoint, "run", "--rm", "--interactive", "--name", name],
      ...[
        "--network",
        balancer.network,
        "--user",
        "0:0",
        "--cap-drop",
        "ALL",
        "--cap-add",
        "CHOWN",
      ],
      ...["--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp:mode=1777"],
      ...["--volume", `${balancer.volume}:${CONFIG_FOLDER}`, "--entrypoint", "sh"],
      // nginx tests a config with the files that it names; --mount says so where there is no such folder.
      ...(balancer.tlsFolder
        ? ["--mount", `type=bind,source=${balancer.tlsFolder},target=${TLS_FOLDER},readonly`]
        : []),
      ...[image, "-c", script, CONFIG_FOLDER],
    ],
    { env: dockerEnvironment(), stdio: ["pipe", "pipe", "pipe"] },
  );
  const closed = new Promise<void>((resolve) => holder.on("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let stderr = "";
    holder.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    holder.stdout.setEncoding("utf8").on("data", () => resolve());
    holder.on("error", reject);
    holder.on("close", () =>
      reject(
        new StepError(
          stderr.trim()
            ? `the balancer's config volume ${balancer.volume} on ${endpoint} cannot be opened: ${stderr.trim()}`
            : `another change of this mesh holds its config for more than ${LOCK_SECONDS} s; wait for it, or end it`,
        ),
      ),
    );
  });
  return {
    sh: (text, args, input) =>
      docker(
        [
          "exec",
          "-i",
          "--user",
          NGINX_USER,
          "--workdir",
          CONFIG_FOLDER,
          name,
          "sh",
          "-c",
          text,
          "sh",
          ...args,
        ],
        { input: input ?? "" },
      ),
    async end() {
      holder.stdin.end();
      await closed;
    },
  };
}
