import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { privateFolder } from "../engine/private-folder.ts";
import { runProcess } from "../engine/process.ts";
import { POLL_MS, PROGRESS_MS } from "../limits.ts";

/**
 * Runs work while no other step of this user on this machine runs work of the same name.
 *
 * The lock is a folder that says which process holds it. It is made under a name of its own and then renamed, which
 * succeeds for one only; it is given back by renaming it back. Of a process that is gone (killed, or its id is
 * another's now) it is taken away by the same renaming: `broken` says why that hits no later holder.
 *
 * @param onWait called once where that takes more than a few seconds
 */
export async function withMachineLock<T>(
  name: string,
  work: () => Promise<T>,
  onWait?: () => void,
): Promise<T> {
  const locks = join(privateFolder() ?? tmpdir(), "locks");
  await mkdir(locks, { recursive: true, mode: 0o700 });
  const lock = join(locks, createHash("sha256").update(name).digest("hex").slice(0, 32));
  const holder = `${process.pid} ${await startOf(process.pid)} ${randomUUID()}`;
  const own = ownName(lock, holder);
  await mkdir(own);
  await writeFile(join(own, "holder"), holder);
  const telling = setTimeout(() => onWait?.(), PROGRESS_MS);
  try {
    while (!(await renamed(own, lock, TAKEN))) {
      if (!(await broken(lock))) await pause(POLL_MS);
    }
  } finally {
    clearTimeout(telling);
  }
  try {
    return await work();
  } finally {
    await rename(lock, own);
    await rm(own, { recursive: true });
  }
}

const ownName = (lock: string, holder: string) => `${lock}.${holder.split(" ").at(-1)}`;

/** Codes of an attempt to rename a folder to one that is there and not empty; on Windows the third. */
const TAKEN = ["ENOTEMPTY", "EEXIST", "EPERM"];

/** Renames a folder, unless that fails by one of these codes. */
async function renamed(from: string, to: string, unless: readonly string[]): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (unless.includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

/**
 * Takes the lock from a holder that is gone. It is read again once that is known: who is gone has not given it back
 * since, so its own name, to which the lock is renamed, is there only when another waiter was faster. It stays there
 * (some bytes for every killed holder), so that of waiters who have read the same none takes a later holder's lock.
 */
async function broken(lock: string): Promise<boolean> {
  const holder = await holderOf(lock);
  const [pid, start] = holder?.split(" ") ?? [];
  if (holder === undefined || (start && (await startOf(Number(pid))) === start)) return false;
  if ((await holderOf(lock)) !== holder) return false;
  return renamed(lock, ownName(lock, holder), [...TAKEN, "ENOENT"]);
}

/** Undefined where it was given back just now; empty where the power failed before it was on the disk. */
async function holderOf(lock: string): Promise<string | undefined> {
  try {
    return await readFile(join(lock, "holder"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** When a process began: what tells it from a later one with the same id. Undefined when it is gone. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    // The second field, the program's name, may hold spaces and parentheses.
    const [state, ...fields] = stat.split(")").at(-1)!.trim().split(" ");
    return state === "Z" ? undefined : fields[18];
  }
  if (process.platform === "win32") {
    // Nothing tells it cheaply there; a lock whose id is another's now waits for that one.
    try {
      process.kill(pid, 0);
      return "unknown";
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPERM" ? "unknown" : undefined;
    }
  }
  const { stdout } = await runProcess("ps", ["-o", "lstart=", "-p", String(pid)]);
  return stdout.trim().replaceAll(" ", "_") || undefined;
}
