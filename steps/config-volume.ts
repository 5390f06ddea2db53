import { containerState, lastLog, servingHash, type BalancerPlace } from "./balancer.ts";
import { withServers, type AdmittedNode } from "../templates/nginx-conf.ts";
import { dockerEngine, DockerError, type DockerEngine } from "./docker-engine.ts";
import { StepError } from "./step-error.ts";
import { DeadlineError, until, waiting } from "./until.ts";
import { CONFIG_FOLDER, startVolumeHelper, type VolumeHelper } from "./volume-helper.ts";

/** What nginx is started with. */
export const CONFIG_FILE = `${CONFIG_FOLDER}/current/nginx.conf`;
const RELOAD_SECONDS = 15;

/** What the config is made of. Kept in the volume beside the config itself. */
export interface MeshState {
  /** What the stack declares, but for the server lines. */
  base: string;
  /** Which set of secret files lies beside nginx.conf; empty for none. See keepSecrets. */
  secrets: string;
  /** The admitted nodes by name. */
  servers: Record<string, AdmittedNode>;
  /** Nodes that ought to be admitted: one that is expected but has no line is out. */
  expected: string[];
}

const EMPTY: MeshState = { base: "", secrets: "", servers: {}, expected: [] };

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
 * @param image nginx image to test with; default that of the running balancer
 */
export async function withConfigVolume<T>(
  balancer: BalancerPlace,
  image: string,
  work: (volume: ConfigVolume) => Promise<T>,
): Promise<T> {
  const helper = await startVolumeHelper(balancer, image);
  try {
    const engine = dockerEngine(balancer.endpoint);
    const [state = "", version = ""] = (await helper.sh(READ_STATE, [])).trimEnd().split("\n");
    const before = { ...EMPTY, ...(JSON.parse(state) as Partial<MeshState>) };
    return await work({
      state: before,
      change: (next) => change(balancer, engine, helper, image, next, version),
      remember: async (next) => {
        await helper.sh(REMEMBER, [], JSON.stringify(next));
      },
      forget: async (allBut) => {
        await helper.sh(REMOVE_ALL_BUT, ["secrets", secretsFolder(allBut)]);
      },
      keep: async (hash, files) => {
        await helper.sh(WRITE_FILES, [secretsFolder(hash)], fileLines(files));
      },
    });
  } finally {
    await helper.end();
  }
}

// Each `docker exec` costs a tenth of a second, ten times that over ssh: what belongs together is one.

/** The state on one line, and the version that is served on the next, if any. */
const READ_STATE =
  'if [ -f mesh.json ]; then cat mesh.json; else printf "{}"; fi; echo; readlink current || true';

/** Exit code by which TEST_AND_POINT says that nginx refused. */
const REFUSED = 65;

/** Files as lines of name and base64 on stdin, since arguments stand in the engine's events. */
const WRITE_FILES =
  'umask 077; mkdir -p "$1" && while read -r name data; do echo "$data" | base64 -d > "$1/$name" || exit 1; done';

/** nginx itself decides, in the image that will run it. rename() is atomic: nginx sees the old version or the new one. */
const TEST_AND_POINT = `${WRITE_FILES}
if [ -n "$2" ]; then cp "$2"/* "$1" || exit 1; fi
if ! nginx -e stderr -q -t -c "$PWD/$1/nginx.conf"; then
  [ "$(readlink current)" = "$1" ] || rm -rf "$1"
  exit ${REFUSED}
fi
ln -sfn "$1" current.new && mv -T current.new current`;

const REMEMBER = "umask 077; cat > mesh.json.new && mv mesh.json.new mesh.json";

/** Of a folder's entries, only those named stay. */
const REMOVE_ALL_BUT =
  'folder=$1; shift; for old in "$folder"/*; do for kept in "$@"; do [ "$old" = "$kept" ] && continue 2; done; rm -rf "$old"; done';

async function change(
  balancer: BalancerPlace,
  engine: DockerEngine,
  helper: VolumeHelper,
  image: string,
  next: MeshState,
  before: string,
): Promise<void> {
  const { conf, hash, files } = withServers(next.base, next.servers, next.secrets);
  const target = `versions/${hash}`;
  await testAndPoint(helper, target, next.secrets, { ...files, "nginx.conf": conf });
  try {
    await reload(balancer, engine, image, hash);
  } catch (error) {
    if (before && before !== target) {
      await helper.sh('ln -sfn "$1" current.new && mv -T current.new current', [before]);
      await engine.docker(["kill", "--signal", "HUP", balancer.container]).catch(() => undefined);
    }
    throw error;
  }
  const kept = ["versions", target, before];
  await helper.sh(`${REMEMBER} && ${REMOVE_ALL_BUT}`, kept, JSON.stringify(next));
}

async function testAndPoint(
  helper: VolumeHelper,
  target: string,
  secrets: string,
  files: Record<string, string>,
) {
  const from = secrets ? secretsFolder(secrets) : "";
  try {
    await helper.sh(TEST_AND_POINT, [target, from], fileLines(files));
  } catch (error) {
    if (!(error instanceof DockerError && error.code === REFUSED)) throw error;
    throw new StepError(
      `nginx refuses the new config; the old one goes on serving\n  nginx says: ${error.stderr.trim()}`,
    );
  }
}

const secretsFolder = (hash: string) => `secrets/${hash}`;

const fileLines = (files: Record<string, string>) =>
  Object.entries(files)
    .map(([name, content]) => `${name} ${Buffer.from(content).toString("base64")}\n`)
    .join("");

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
