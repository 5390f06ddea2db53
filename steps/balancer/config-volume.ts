import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { withServers } from "../../templates/admitted-servers.ts";
import { CONFIG_FOLDER, OWN_SOCKET } from "../../templates/nginx-layout.ts";
import { type ContainerState, lastLog } from "../engine/containers.ts";
import { DockerError, dockerEngine } from "../engine/docker-engine.ts";
import { fileLines } from "../engine/file-lines.ts";
import { RELOAD_SECONDS } from "../limits.ts";
import { StepError } from "../step-error.ts";
import { CONFIG_HASH_URL } from "./ask.ts";
import { findBalancer } from "./front/find-balancer.ts";
import { type MeshState, parseState, seal } from "./mesh-state.ts";
import { type VolumeHelper, startVolumeHelper } from "./volume-helper.ts";

/** Exit codes of `change` in config-volume.sh. */
const REFUSED = 65;
const NOT_TAKEN_OVER = 66;

/** Folders of files that several versions of a config have beside them. */
type FileSet = "secrets" | "programs";

/** The volume while it is locked. */
export interface ConfigVolume {
  readonly state: MeshState;
  /**
   * Writes the state and serves with it: staged, tested, switched, reloaded and verified.
   *
   * @throws StepError when nginx does not serve with it; all is as before then
   */
  change(next: MeshState): Promise<void>;
  /** Writes a set of files that belong beside configs, for a state that names its hash. */
  keep(kind: FileSet, hash: string, files: Record<string, string>): Promise<void>;
  /** Removes all sets of a kind but this one. */
  forget(kind: FileSet, allBut: string): Promise<void>;
  /** Writes the state only, where the config does not depend on what changed. */
  remember(next: MeshState): Promise<void>;
}

/**
 * Locks the config volume of a balancer against every other step, wherever that runs, and works on it.
 * The lock is held by a helper container that ends with this process, however it ends.
 *
 * @param found the balancer as it was a moment ago; undefined where there is none
 * @param image nginx image to test with
 * @throws StepError when the volume cannot be opened, or somebody else holds it for too long
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
    const state = parseState(await helper.call(["read_state"]));
    return await work({
      state,
      change: (next) => change(balancer, helper, next, reload),
      async remember(next) {
        await helper.call(["write_state"], seal(next));
      },
      async keep(kind, hash, files) {
        await helper.call(["write_files", `${kind}/${hash}`], fileLines(files));
      },
      async forget(kind, allBut) {
        await helper.call(["keep_only", kind, `${kind}/${allBut}`]);
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
  const { endpoint, container } = balancer;
  const found = await findBalancer(balancer);
  if (!found) return undefined;
  if (!found.running) {
    return withConfigVolume(balancer, found, found.image, ({ state }) => Promise.resolve(state));
  }
  const { docker } = dockerEngine(endpoint);
  return parseState(await docker(["exec", container, "cat", `${CONFIG_FOLDER}/mesh.json`]));
}

async function change(
  balancer: BalancerRef,
  helper: VolumeHelper,
  next: MeshState,
  reload: boolean,
): Promise<void> {
  const { words, input } = changeCall(next, reload);
  try {
    await helper.call(words, input);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    if (error.code === REFUSED) throw new StepError(whyRefused(error.stderr));
    if (error.code !== NOT_TAKEN_OVER) throw error;
    throw new StepError(whyNotTakenOver(await lastLog(balancer.endpoint, balancer.container)));
  }
}

/** By which `change` of config-volume.sh is called. */
export function changeCall(
  next: MeshState,
  reload: boolean,
): { words: [string, ...string[]]; input: string } {
  const { conf, hash, files } = withServers(next.base, next.servers, next.secrets, next.router);
  const secrets = next.secrets ? `secrets/${next.secrets}` : "";
  const program = next.router ? `programs/${next.router.program}` : "";
  const state = Buffer.from(seal(next)).toString("base64");
  return {
    words: [
      ...(["change", `versions/${hash}`, secrets, program, reload ? "reload" : ""] as const),
      ...[hash, CONFIG_HASH_URL, OWN_SOCKET, `${RELOAD_SECONDS}`],
    ],
    input: `${state}\n${fileLines({ ...files, "nginx.conf": conf })}`,
  };
}

/** Why nginx's test failed; a config is generated, so most of what it can say is our mistake and not the user's. */
export const whyRefused = (said: string): string =>
  `nginx refuses the new config; the old one goes on serving\n  nginx says: ${said.trim()}\n  If that is about a value of yours, such as an address or a certificate, correct it. If not, it is a bug of ollama-mesh: undo what changed last in the mesh's settings, and report it with these words`;

/** Why nginx goes on with the old config although its test passed. */
export const whyNotTakenOver = (log: string): string =>
  `nginx accepted the new config but did not take it over in ${RELOAD_SECONDS} s; the old one goes on serving\n${log}\n  Run pulumi up again, for its machine may have had too much to do. If it stays so, it is a bug of ollama-mesh: undo what changed last in the mesh's settings, and report it with these lines`;
