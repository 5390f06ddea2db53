// What a mesh of a test leaves in the Docker engine, and what dead test runs left.
import { createHash, randomInt } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { run, type CommandError } from "../../../toolchain/command.mjs";

/** Pids say something only among processes of the same machine or container. */
const HERE = createHash("sha256").update(hostname()).digest("hex").slice(0, 4);
/** Stacks of tests are named after the process that made them, so that a later run knows whose time is over. */
const OURS = new RegExp(`^([a-z-]+-test-${HERE}-(\\d+)-[0-9a-f]{4})(?![0-9a-f])`);

let names = randomInt(0x10000);

/** A stack name that no other process uses, and this one for nothing else. */
export function ownStackName(): string {
  names = (names + 1) % 0x10000;
  return `test-${HERE}-${process.pid}-${names.toString(16).padStart(4, "0")}`;
}

/** Makes a folder that a later run removes if this one does not. */
export async function ownFolder(what: string): Promise<string> {
  const folder = join(tmpdir(), `${what}-${ownStackName()}`);
  await mkdir(folder);
  return folder;
}

/** Everything of a mesh in the local Docker engine, each as "kind name". */
export async function remains(mesh: string): Promise<string[]> {
  const ls = async (kind: string, args: string[]) =>
    (await run("docker", args)).split("\n").flatMap((name) => {
      // Compose joins by "_".
      const own = name === mesh || ["-", ".", "_"].some((by) => name.startsWith(mesh + by));
      return own ? [`${kind} ${name}`] : [];
    });
  const all = await Promise.all([
    ls("container", ["ps", "--all", "--format", "{{.Names}}"]),
    ls("network", ["network", "ls", "--format", "{{.Name}}"]),
    ls("volume", ["volume", "ls", "--format", "{{.Name}}"]),
  ]);
  return all.flat();
}

/** Removes everything of a mesh from the local Docker engine, the retained volume with its models included. */
export async function removeMesh(mesh: string): Promise<void> {
  const left = await remains(mesh);
  const names = (kind: string) =>
    left.flatMap((item) => (item.startsWith(`${kind} `) ? [item.slice(kind.length + 1)] : []));
  const remove = async (names: string[], ...command: string[]) => {
    for (const name of names) {
      await run("docker", [...command, name]).catch((error: CommandError) => {
        // Another run clears up the same dead one.
        if (!/No such|not found|already in progress/i.test(error.output)) throw error;
      });
    }
  };
  await remove(names("container"), "rm", "--force", "--volumes");
  await remove(names("network"), "network", "rm");
  await remove(names("volume"), "volume", "rm", "--force");
}

/** Removes what test runs left that did not live to clean up after themselves. */
export async function removeDeadMeshes(): Promise<void> {
  const lists = await Promise.all([
    run("docker", ["ps", "--all", "--format", "{{.Names}}"]),
    run("docker", ["network", "ls", "--format", "{{.Name}}"]),
    run("docker", ["volume", "ls", "--format", "{{.Name}}"]),
    readdir(tmpdir()).then((names) => names.join("\n")),
  ]);
  const dead = new Set<string>();
  for (const name of lists.join("\n").split("\n")) {
    const [, mesh, pid] = OURS.exec(name) ?? [];
    if (mesh && !isAlive(Number(pid))) dead.add(mesh);
  }
  for (const mesh of dead) {
    // Its last pulumi may still be at work; then a later run finds the rest.
    await removeMesh(mesh).catch((error: CommandError) => {
      if (!/has active endpoints|volume is in use/.test(error.output)) throw error;
    });
    await rm(join(tmpdir(), mesh), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
