import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { withServers } from "../../templates/admitted-servers.ts";
import { CONFIG_FOLDER, LOOPBACK_PORT } from "../../templates/nginx-layout.ts";
import { type ContainerState, containerState, lastLog } from "../engine/containers.ts";
import { DockerError, dockerEngine } from "../engine/docker-engine.ts";
import { fileLines } from "../engine/file-lines.ts";
import { StepError } from "../step-error.ts";
import { type MeshState, parseState, seal } from "./mesh-state.ts";
import { WORKERS } from "./nginx-workers.ts";
import { type VolumeHelper, startVolumeHelper } from "./volume-helper.ts";

const RELOAD_SECONDS = 15;

/** The volume while it is locked. */
export interface ConfigVolume {
  readonly state: MeshState;
  /** Writes the state and serves with it: staged, tested, switched, reloaded, verified; else all is as before and it throws. */
  change(next: MeshState): Promise<void>;
  /** Writes a set of secret files, for a state that names its hash. */
  keep(hash: string, files: Record<string, string>): Promise<void>;
  /** Removes all sets of secret files but this one. */
  forget(allBut: string): Promise<void>;
  /** Writes the state only, where the config does not depend on what changed. */
  remember(next: MeshState): Promise<void>;
}

/**
 * Locks the config volume of a balancer against every other step, wherever that runs, and works on it.
 * The lock is held by a helper container that ends with this process, however it ends.
 *
 * @param found the balancer's container as it was a moment ago; undefined where there is none
 * @param image nginx image to test with
 */
export async function withConfigVolume<T>(
  balancer: BalancerRef,
  found: ContainerState | undefined,
  image: string,
  work: (volume: ConfigVolume) => Promise<T>,
): Promise<T> {
  const beside = found?.running ? balancer.container : undefined;
  // A balancer about to be replaced by one with another image starts with the new version.
  const reload = beside !== undefined && found?.image === image;
  const helper = await startVolumeHelper(balancer, image, beside);
  try {
    const state = await helper.sh(READ_STATE, []);
    return await work({
      state: parseState(state),
      change: (next) => change(balancer, helper, next, reload),
      remember: async (next) => {
        await helper.sh(REMEMBER, [], seal(next));
      },
      forget: async (allBut) => {
        await helper.sh(REMOVE_ALL_BUT, ["secrets", secretsFolder(allBut)]);
      },
      keep: async (hash, files) => {
        await helper.sh(`umask 077; ${WRITE_FILES}`, [secretsFolder(hash)], fileLines(files));
      },
    });
  } finally {
    await helper.end();
  }
}

/**
 * Looks at the mesh's state without the lock: for what only asks.
 *
 * @returns undefined without a balancer
 */
export async function readState(balancer: BalancerRef): Promise<MeshState | undefined> {
  const found = await containerState(balancer.endpoint, balancer.container);
  if (!found) return undefined;
  if (!found.running) {
    return withConfigVolume(balancer, found, found.image, ({ state }) => Promise.resolve(state));
  }
  const { docker } = dockerEngine(balancer.endpoint);
  return parseState(
    await docker(["exec", balancer.container, "cat", `${CONFIG_FOLDER}/mesh.json`]),
  );
}

const READ_STATE = "if [ -f mesh.json ]; then cat mesh.json; fi";

/** Exit codes by which APPLY says that nginx refused the config, and that it did not take it over. */
const REFUSED = 65;

const NOT_TAKEN_OVER = 66;

/** Files as lines of name and base64 on stdin, since arguments stand in the engine's events. */
const WRITE_FILES =
  'mkdir -p "$1" && while read -r name data; do echo "$data" | base64 -d > "$1/$name" || exit 1; done';

const REMEMBER = "umask 077; cat > mesh.json.new && mv mesh.json.new mesh.json";

/** Of a folder's entries, only those named stay. */
const REMOVE_ALL_BUT =
  'folder=$1; shift; for old in "$folder"/*; do for kept in "$@"; do [ "$old" = "$kept" ] && continue 2; done; rm -rf "$old"; done';

/**
 * The whole change in one script, so that a step killed in its middle leaves it done or undone, never half.
 * nginx itself decides, in the image that will run it. rename() is atomic: nginx sees the old version or the new
 * one. Arguments: version, folder of its secrets, its hash, whether to reload. A file of the same version that
 * somebody changed by hand is loaded anew although nginx says that it has it.
 */
const APPLY = `umask 077
${WORKERS}
before=$(readlink current || true)
found=$(cat "$1/nginx.conf" 2>/dev/null)
read -r mesh && echo "$mesh" | base64 -d > mesh.json.new || exit 1
${WRITE_FILES}
if [ -n "$2" ]; then cp "$2"/* "$1" || exit 1; fi
if ! nginx -e stderr -q -t -c "$PWD/$1/nginx.conf"; then
  [ "$before" = "$1" ] || rm -rf "$1"
  exit ${REFUSED}
fi
point() { ln -sfn "$1" current.new && mv -T current.new current; }
seen() { curl -s -m 2 http://127.0.0.1:${LOOPBACK_PORT}/config-hash || true; }
point "$1" || exit 1
if [ "$4" = reload ]; then
  forced=no
  if [ -n "$found" ] && [ "$found" != "$(cat "$1/nginx.conf")" ]; then forced=yes; fi
  if [ $forced = yes ] || [ "$(seen)" != "$3" ]; then
    old=$(workers)
    kill -HUP 1 || exit 1
    tries=0
    until [ "$(seen)" = "$3" ]; do
      tries=$((tries + 1))
      if [ $tries -gt ${RELOAD_SECONDS * 5} ]; then
        if [ -n "$before" ] && [ "$before" != "$1" ]; then point "$before"; kill -HUP 1; fi
        exit ${NOT_TAKEN_OVER}
      fi
      sleep 0.2
    done
    while taking "$old" && [ $tries -le ${RELOAD_SECONDS * 5} ]; do
      tries=$((tries + 1))
      sleep 0.2
    done
  fi
fi
mv mesh.json.new mesh.json
target=$1
set -- versions "$target" "$before"
${REMOVE_ALL_BUT}`;

async function change(
  balancer: BalancerRef,
  helper: VolumeHelper,
  next: MeshState,
  reload: boolean,
): Promise<void> {
  const { conf, hash, files } = withServers(next.base, next.servers, next.secrets);
  const from = next.secrets ? secretsFolder(next.secrets) : "";
  const input = `${base64(seal(next))}\n${fileLines({ ...files, "nginx.conf": conf })}`;
  try {
    await helper.sh(APPLY, [`versions/${hash}`, from, hash, reload ? "reload" : ""], input);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    if (error.code === REFUSED) {
      throw new StepError(
        `nginx refuses the new config; the old one goes on serving\n  nginx says: ${error.stderr.trim()}`,
      );
    }
    if (error.code !== NOT_TAKEN_OVER) throw error;
    throw new StepError(
      `nginx accepted the new config but did not take it over; the old one goes on serving\n${await lastLog(balancer.endpoint, balancer.container)}`,
    );
  }
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

const secretsFolder = (hash: string) => `secrets/${hash}`;
