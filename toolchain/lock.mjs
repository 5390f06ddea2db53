// One run at a time: a lock that a dead run cannot hold for ever.
import { readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const HEARTBEAT_MS = 5_000;
/** A holder on another machine (shared home) is known to live only by its heartbeat. */
const STALE_MS = 60_000;
const RETRY_MS = 200;

/**
 * When a process began, in the kernel's ticks: tells it from a later one with the same id.
 *
 * @param {number} pid
 * @returns {string | undefined} nothing when there is no such process, or no Linux
 */
export function startTime(pid) {
  try {
    // The second field, the program's name, may hold spaces and parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(")").at(-1)?.trim().split(" ");
    return fields?.[0] === "Z" ? undefined : fields?.[19];
  } catch {
    return undefined;
  }
}

/**
 * Whether a process of this machine lives.
 *
 * @param {number} pid
 * @param {string} [started] when it began, as `startTime` gives it; nothing where that is not known
 */
export function alive(pid, started) {
  if (started && startTime(pid) !== started) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * Whether the run that holds the lock is gone.
 *
 * @param {string} lock
 */
async function stale(lock) {
  try {
    const age = Date.now() - (await stat(lock)).mtimeMs;
    const holder = await readFile(join(lock, "holder"), "utf8").catch(() => "");
    const [host, pid, started] = holder.split(" ");
    if (host === hostname() && pid) return !alive(Number(pid), started);
    return age > STALE_MS;
  } catch {
    return false; // given back in the meantime
  }
}

/**
 * Takes a stale lock away. By renaming it first: of two runs that see it, only one succeeds.
 *
 * @param {string} lock
 */
async function breakLock(lock) {
  const grave = `${lock}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    await rename(lock, grave);
    await rm(grave, { recursive: true, force: true });
  } catch {
    // another run was faster
  }
}

const me = () => [hostname(), process.pid, startTime(process.pid) ?? ""].join(" ").trimEnd();

/**
 * Runs `work` while holding the lock, a folder of that name; waits for whoever holds it.
 *
 * @template T
 * @param {string} lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function locked(lock, work) {
  for (let told = false; ;) {
    try {
      await mkdir(lock);
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    if (await stale(lock)) {
      await breakLock(lock);
      continue;
    }
    if (!told) console.error(`> waiting for another run that makes ${basename(lock, ".lock")}`);
    told = true;
    await sleep(RETRY_MS);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  try {
    await writeFile(join(lock, "holder"), me());
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(lock, { recursive: true, force: true });
  }
}
