import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, expect, onTestFinished, test, vi } from "vitest";

import { withMachineLock } from "../../../../steps/models/machine-lock.ts";

vi.mock("../../../../steps/limits.ts", async (original) => ({
  ...(await original<object>()),
  PROGRESS_MS: 500,
}));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lock-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  vi.stubEnv("XDG_RUNTIME_DIR", folder);
});

const LOCK = join(import.meta.dirname, "../../../../steps/models/machine-lock.ts");

/** Another process that holds the lock by the time that this returns, and does that meanwhile. */
async function holder(name: string, work: string): Promise<ChildProcess> {
  const script = `const { withMachineLock } = await import(${JSON.stringify(LOCK)});
    await withMachineLock(${JSON.stringify(name)}, async () => { console.log("held"); ${work} });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  expect(String((await once(child.stdout, "data"))[0])).toBe("held\n");
  return child;
}

const FOR_EVER = "await new Promise((resolve) => setTimeout(resolve, 600_000));";

test("work of one name never overlaps, work of another does not wait, a failure frees the lock", async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
  };
  await Promise.all(Array.from({ length: 20 }, () => withMachineLock("a", work)));
  expect(most).toBe(1);
  await expect(withMachineLock("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await withMachineLock("a", () => withMachineLock("b", work));
});

test("a holder that is too busy to do anything else still holds it, and who waits is told so once", async () => {
  const file = join(folder, "over");
  // It blocks its process for 3 s, as a machine does that has no time for it.
  const busy = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
    (await import("node:fs")).writeFileSync(${JSON.stringify(file)}, "");`;
  await holder("a", busy);
  const waited = vi.fn<() => void>();
  const over = () => Promise.resolve(expect(readdirSync(folder)).toContain("over"));
  await withMachineLock("a", over, waited);
  await withMachineLock("a", () => Promise.resolve(), waited);
  expect(waited).toHaveBeenCalledTimes(1);
});

test("one that is killed holds it no longer, nor does a later process of the same id", async () => {
  const killed = await holder("a", FOR_EVER);
  killed.kill("SIGKILL");
  await once(killed, "close");
  await expect(withMachineLock("a", () => Promise.resolve("in"))).resolves.toBe("in");

  const running = await holder("b", FOR_EVER);
  const locks = join(folder, "ollama-mesh", "locks");
  const [lock] = readdirSync(locks).filter((file) => !file.includes("."));
  const [pid, start, id] = readFileSync(join(locks, lock!, "holder"), "utf8").split(" ");
  expect(Number(pid)).toBe(running.pid);
  writeFileSync(join(locks, lock!, "holder"), `${pid} ${Number(start) - 1} ${id}`);
  await expect(withMachineLock("b", () => Promise.resolve("in"))).resolves.toBe("in");
});

test("one whose machine lost its power before it was written holds nothing", async () => {
  await withMachineLock("a", () => Promise.resolve());
  const running = await holder("a", FOR_EVER);
  const locks = join(folder, "ollama-mesh", "locks");
  const [lock] = readdirSync(locks);
  writeFileSync(join(locks, lock!, "holder"), "");
  await expect(withMachineLock("a", () => Promise.resolve("in"))).resolves.toBe("in");
  running.kill("SIGKILL");
});

test("of many who find the lock of one that was killed, each gets it alone", async () => {
  const counter = join(folder, "counter");
  writeFileSync(counter, "0");
  const killed = await holder("a", FOR_EVER);
  killed.kill("SIGKILL");
  await once(killed, "close");
  const work = async () => {
    const seen = Number(readFileSync(counter, "utf8"));
    await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(counter, String(seen + 1));
  };
  await Promise.all(Array.from({ length: 20 }, () => withMachineLock("a", work)));
  expect(readFileSync(counter, "utf8")).toBe("20");
  // Given back, all of them; of the killed one some bytes stay.
  const locks = readdirSync(join(folder, "ollama-mesh", "locks"));
  expect(locks.map((file) => file.includes("."))).toEqual([true]);
});
