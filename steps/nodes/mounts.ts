import type { MountArgs } from "../../config/node-args.ts";
import { DockerError, type DockerEngine, dockerEngine } from "../engine/docker-engine.ts";
import { progress, StepError } from "../step-error.ts";

/** Nodes of one engine that have folders of the host, files or volumes, or whose user or groups are declared by name. */
export interface MountsInput {
  endpoint: string;
  services: MountedService[];
  /** Looks where a service's image has no shell, if the engine has it: nginx's. */
  helper: string;
}

/** A node, what is mounted into it, and the names that its image must know. */
export interface MountedService {
  node: string;
  container: string;
  image: string;
  /** Absent for the image's. */
  user?: string;
  /** Those that its user is in besides; absent for none by name. */
  groups?: string[];
  mounts: Required<MountArgs>[];
}

/**
 * Finds out, before any container is touched, whether the user of each service can read and write what is mounted: a
 * container has no right to what others own, root neither, and would find out only while it serves. Each mount is tried in
 * a container of the service's image, as its user and with its rights; NFS, ACLs and SELinux have their say so, too.
 * Users and groups by name are those of the image: Docker starts no container with one that it does not know.
 *
 * @throws StepError with every mount that its service cannot use, and every name that its image does not know
 */
export async function mounts({
  endpoint,
  services,
  helper,
}: MountsInput): Promise<{ usable: string[] }> {
  const engine = dockerEngine(endpoint);
  const problems: string[] = [];
  for (const service of services) {
    if (await runsWithThem(engine, service)) continue;
    const add = (problem: string) =>
      problems.push(`node ${service.node} on ${endpoint}: ${problem}`);
    const unknown = await unknownName(engine, service);
    if (unknown) add(unknown);
    // Nothing can be tried as somebody whom nobody knows.
    for (const mount of unknown ? [] : service.mounts) {
      const problem = await tryMount(engine, service, mount, helper);
      if (problem) add(problem);
    }
  }
  if (problems.length > 0) throw new StepError(problems.join("\n"));
  return { usable: services.map(({ node }) => node) };
}

/** Whether a user or group is declared by a name, which the image must know. */
export const isName = (identity: string) => /[^\d:]/.test(identity);

/** Docker looks both up in the image, whatever it is to run there. */
async function unknownName(
  { docker }: DockerEngine,
  { image, user, groups = [] }: MountedService,
): Promise<string | undefined> {
  if (![...(user ? [user] : []), ...groups].some(isName)) return undefined;
  const as = [
    ...(user ? ["--user", user] : []),
    ...groups.flatMap((group) => ["--group-add", group]),
  ];
  try {
    await docker([...BESIDE, ...as, "--entrypoint", "sh", image, "-c", "true"]);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const [, name = ""] = /unable to find (?:user|group) ([^\s:]+)/i.exec(error.stderr) ?? [];
    if (groups.includes(name))
      return `group ${name} of gpus.groups is not known in its image; declare the number that it has on its host (getent group ${name}), in quotes`;
    if (name)
      return `service.user ${user} is not known in its image; declare it by number, as "1000:1000"`;
  }
  return undefined;
}

/** How a container is made that only looks. */
const BESIDE = [
  ...["run", "--rm", "--pull", "never", "--network", "none", "--cap-drop", "ALL"],
  ...["--security-opt", "no-new-privileges:true"],
];

/** A service that runs with the same mounts, user and image lives with them, whatever they are. */
async function runsWithThem({ docker }: DockerEngine, service: MountedService): Promise<boolean> {
  const found = await inspected<{
    State: { Running: boolean };
    Config: { User: string; Image: string };
    HostConfig: { Binds: string[] | null; GroupAdd: string[] | null };
  }>(docker, ["container", "inspect", service.container]);
  if (!found?.State.Running || found.Config.Image !== service.image) return false;
  const binds = new Set(found.HostConfig.Binds);
  const groups = new Set(found.HostConfig.GroupAdd);
  return (
    (service.groups ?? []).every((group) => groups.has(group)) &&
    found.Config.User === (service.user ?? (await imageUser(docker, service.image))) &&
    service.mounts.every(({ source, path, readOnly }) =>
      binds.has(`${source}:${path}:${readOnly ? "ro" : "rw"}`),
    )
  );
}

const imageUser = async (docker: DockerEngine["docker"], image: string): Promise<string> =>
  (await inspected<{ Config: { User: string } }>(docker, ["image", "inspect", image]))?.Config
    .User ?? "";

async function inspected<T>(
  docker: DockerEngine["docker"],
  args: string[],
): Promise<T | undefined> {
  try {
    return (JSON.parse(await docker(args)) as T[])[0];
  } catch (error) {
    if (error instanceof DockerError && error.isNotFound) return undefined;
    throw error;
  }
}

/**
 * Reads and writes as the service would. By doing it (and not with ":", whose failed redirection ends a shell): some shells' `test` takes root for almighty. What is written is an
 * empty file that is gone at once; a file that is mounted is opened, and left as it is.
 */
const TRY = `
if [ -d "$1" ]; then ls "$1" >/dev/null 2>&1; else true <"$1"; fi 2>/dev/null || echo unreadable
if [ "$2" = write ]; then
  if [ -d "$1" ]; then (true >"$1/.ollama-mesh-$$" && rm "$1/.ollama-mesh-$$"); else true >>"$1"; fi 2>/dev/null || echo unwritable
fi
echo "owner $(stat -c '%u:%g %a' "$1" 2>/dev/null)"
echo "user $(id -u 2>/dev/null)"`;

/** By which a container tries a mount. */
const mountProbe = (
  image: string,
  user: string | undefined,
  { source, path, readOnly }: Required<MountArgs>,
  isThere: boolean,
): string[] => [
  ...BESIDE,
  ...(user ? ["--user", user] : []),
  // Without a name it is as a volume that is not there yet, and gone with the container.
  ...[
    "--mount",
    [...mountKind(source, isThere), `target=${path}`, ...(readOnly ? ["readonly"] : [])].join(","),
  ],
  ...["--entrypoint", "sh", image, "-c", TRY, "sh", path, readOnly ? "read" : "write"],
];

const mountKind = (source: string, isThere: boolean): string[] =>
  source.startsWith("/")
    ? ["type=bind", `source=${source}`]
    : ["type=volume", ...(isThere ? [`source=${source}`] : [])];

async function tryMount(
  engine: DockerEngine,
  service: MountedService,
  mount: Required<MountArgs>,
  helper: string,
): Promise<string | undefined> {
  const { docker } = engine;
  const isThere =
    mount.source.startsWith("/") ||
    (await inspected(docker, ["volume", "inspect", mount.source])) !== undefined;
  const user = service.user ?? (await imageUser(docker, service.image));
  try {
    return explain(await docker(mountProbe(service.image, user, mount, isThere)), mount);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    if (error.stderr.includes("bind source path does not exist")) return missing(mount, user);
    const refused = /(?:error mounting|unable to setup user).*/.exec(error.stderr)?.[0];
    if (refused) {
      return `${mount.source} cannot be mounted at ${mount.path}; declare another path; docker says: ${refused.slice(0, 300)}`;
    }
    if (isThere && /^\d*(:\d+)?$/.test(user)) {
      const seen = await docker(mountProbe(helper, user, mount, isThere)).catch(withoutShell);
      if (seen !== undefined) return explain(seen, mount);
    }
    progress(
      `node ${service.node}: its image has no shell, so nobody has looked whether it can use ${mount.source}`,
    );
    return undefined;
  }
}

function withoutShell(error: unknown): undefined {
  if (!(error instanceof DockerError)) throw error;
}

/** What was seen of a mount, in words with the way out; undefined where all is well. */
function explain(seen: string, { source, readOnly }: Required<MountArgs>): string | undefined {
  const lines = seen.split("\n");
  const cannot = lines.includes("unreadable")
    ? "read"
    : lines.includes("unwritable")
      ? "write"
      : "";
  if (!cannot) return undefined;
  const [, owner = "", mode = ""] = /^owner (\d+:\d+) (\d+)$/m.exec(seen) ?? [];
  const user = /^user (\d+)$/m.exec(seen)?.[1];
  const [uid = ""] = owner.split(":");
  const who =
    user === "0"
      ? "root, which in it has no right to what others own"
      : `user ${user ?? "unknown"}`;
  const belongs = owner ? `, which belongs to ${owner} (mode ${mode})` : "";
  const ways = [
    ...(owner && uid !== "0" && uid !== user ? [`declare service.user: "${owner}"`] : []),
    ...(cannot === "write" && !readOnly ? ["or readOnly: true if it only reads there"] : []),
    `or give that user the right on the host (chown, chmod, setfacl)`,
  ];
  return `it runs as ${who}, and cannot ${cannot} ${source}${belongs}; ${ways.join(", ").replace(/^or /, "")}`;
}

/** Docker makes what is not there, as root and empty. */
function missing({ source, readOnly }: Required<MountArgs>, user: string): string | undefined {
  if (readOnly)
    return `${source} is not on the host, and the service could only read there; correct the path`;
  if (/^(root|0)?(:|$)/.test(user)) return undefined;
  return `${source} is not on the host, and Docker would make it for root, where user ${user} cannot write; make it there: mkdir -p ${source} && chown ${user} ${source}`;
}
