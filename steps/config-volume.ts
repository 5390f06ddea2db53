import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { containerState, lastLog, servingHash, type BalancerPlace } from "./balancer.ts";
import { withServers, type AdmittedNode } from "../templates/nginx-conf.ts";
import {
  dockerEngine,
  dockerEnvironment,
  DockerError,
  type DockerEngine,
} from "./docker-engine.ts";
import { StepError } from "./step-error.ts";
import { DeadlineError, until, waiting } from "./until.ts";

/** Where the config volume is mounted. */
export const CONFIG_FOLDER = "/etc/nginx/mesh";
/** What nginx is started with. */
export const CONFIG_FILE = `${CONFIG_FOLDER}/current/nginx.conf`;
/** User and group nginx of the official image; the balancer runs as it, without any capability. */
export const NGINX_USER = "101:101";

/** Steps of one `up` take a second or two each; a longer wait means another `up`. */
const LOCK_SECONDS = 300;
const RELOAD_SECONDS = 15;

/** What the config is made of. Kept in the volume beside the config itself. */
export interface MeshState {
  /** What the stack declares, but for the server lines. */
  base: string;
  /** The admitted nodes by name. */
  servers: Record<string, AdmittedNode>;
  /** Nodes that ought to be admitted: one that is expected but has no line is out. */
  expected: string[];
}

const EMPTY: MeshState = { base: "", servers: {}, expected: [] };

/** The volume while it is locked. */
export interface ConfigVolume {
  readonly state: MeshState;
  /** Writes the state and serves with it: staged, tested, switched, reloaded, verified; else all is as before and it throws. */
  change(next: MeshState): Promise<void>;
  /** Writes the state only, where the config does not depend on what changed. */
  remember(next: MeshState): Promise<void>;
}

/**
 * Locks the config volume of a balancer against every other step, wherever that runs, and works on it.
 * The lock is held by a helper container that ends with this process, however it ends.
 *
 * @param image nginx image to test with; default that of the running balancer
 */
export async function withConfigVolume<T>(
  balancer: BalancerPlace,
  image: string,
  work: (volume: ConfigVolume) => Promise<T>,
): Promise<T> {
  const helper = await startHelper(balancer, image);
  try {
    const engine = dockerEngine(balancer.endpoint);
    const state = JSON.parse(
      (await helper.sh('cat mesh.json 2>/dev/null || echo "{}"', [])).trim(),
    ) as Partial<MeshState>;
    const before = { ...EMPTY, ...state };
    return await work({
      state: before,
      change: (next) => change(balancer, engine, helper, image, next),
      remember: (next) => remember(helper, next),
    });
  } finally {
    await helper.end();
  }
}

interface Helper {
  /** Runs a script of ours in the volume's folder, as nginx's user. */
  sh(script: string, args: string[], input?: string): Promise<string>;
  end(): Promise<void>;
}

async function startHelper(balancer: BalancerPlace, image: string): Promise<Helper> {
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

async function change(
  balancer: BalancerPlace,
  engine: DockerEngine,
  helper: Helper,
  image: string,
  next: MeshState,
): Promise<void> {
  const { conf, hash } = withServers(next.base, next.servers);
  const before = (await helper.sh("readlink current || true", [])).trim();
  const target = `versions/${hash}`;
  await helper.sh('umask 077; mkdir -p "$1"; cat > "$1/nginx.conf"', [target], conf);
  await test(helper, target);
  await point(helper, target);
  try {
    await reload(balancer, engine, image, hash);
  } catch (error) {
    if (before && before !== target) {
      await point(helper, before);
      await engine.docker(["kill", "--signal", "HUP", balancer.container]).catch(() => undefined);
    }
    throw error;
  }
  await remember(helper, next);
  await helper.sh(
    'for old in versions/*; do case "$old" in "$1"|"$2") ;; *) rm -rf "$old";; esac; done',
    [target, before],
  );
}

async function remember(helper: Helper, state: MeshState): Promise<void> {
  const write = "umask 077; cat > mesh.json.new && mv mesh.json.new mesh.json";
  await helper.sh(write, [], JSON.stringify(state));
}

/** Asks nginx itself, in the image that will run it. */
async function test(helper: Helper, target: string): Promise<void> {
  try {
    await helper.sh('nginx -e stderr -q -t -c "$PWD/$1/nginx.conf"', [target]);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    await helper.sh('[ "$(readlink current)" = "$1" ] || rm -rf "$1"', [target]);
    throw new StepError(
      `nginx refuses the new config; the old one goes on serving\n  nginx says: ${error.stderr.trim()}`,
    );
  }
}

/** rename() is atomic: nginx sees the old version or the new one. */
const point = (helper: Helper, target: string) =>
  helper.sh('ln -sfn "$1" current.new && mv -T current.new current', [target]);

/** Makes the running nginx serve with the version that `current` names, and waits until it says so. */
async function reload(
  balancer: BalancerPlace,
  engine: DockerEngine,
  image: string,
  hash: string,
): Promise<void> {
  const state = await containerState(balancer.endpoint, balancer.container);
  // Not there yet, or about to be replaced by one with another image: it starts with the new version.
  if (!state?.running || state.image !== image) return;
  if ((await servingHash(balancer)) === hash) return;
  await engine.docker(["kill", "--signal", "HUP", balancer.container]);
  try {
    await until("nginx serves with the new config", RELOAD_SECONDS, async () => {
      const seen = await servingHash(balancer);
      return seen === hash || waiting(`it serves with ${seen ?? "none"}`);
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new StepError(
      `nginx accepted the new config but did not take it over; the old one goes on serving\n${await lastLog(balancer.endpoint, balancer.container)}`,
    );
  }
}
