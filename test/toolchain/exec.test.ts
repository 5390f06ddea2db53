import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { PLUGINS } from "../../toolchain/versions.mjs";
import { EXEC, Machine } from "./machine.ts";

let machine: Machine;

beforeEach(async () => {
  machine = await Machine.create();
  await machine.installPulumi("v3.260.1");
  for (const name of ["docker", "command"] as const) {
    await machine.installPlugin(name, PLUGINS[name]);
  }
});
afterEach(async () => {
  await machine.remove();
});

const start = (...args: string[]): ChildProcess =>
  spawn(process.execPath, [EXEC, ...args], {
    env: { HOME: machine.folder, PATH: machine.bin, OLLAMA_MESH_CACHE: machine.cache },
    stdio: ["pipe", "pipe", "pipe"],
  });

async function end(child: ChildProcess): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => (stdout += chunk));
  child.stderr?.on("data", (chunk) => (stderr += chunk));
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

describe("exec", () => {
  it("passes arguments, stdin, stdout and the exit code through", async () => {
    const child = start("sh", "-c", 'cat; echo "$1"; exit 7', "sh", "a b $HOME");
    child.stdin?.end("from stdin\n");
    expect(await end(child)).toEqual({ code: 7, stdout: "from stdin\na b $HOME\n", stderr: "" });
  });

  it.each([
    ["SIGTERM", 3],
    ["SIGINT", 4],
  ] as const)("passes %s on to the command and waits for it", async (signal, code) => {
    const child = start(
      "sh",
      "-c",
      "trap 'exit 3' TERM; trap 'exit 4' INT; echo ready; while true; do sleep 0.05; done",
    );
    await once(child.stdout ?? child, "data");
    child.kill(signal);
    expect((await end(child)).code).toBe(code);
  });

  it("ends as a shell does when a signal ended the command", async () => {
    expect((await end(start("sh", "-c", "kill -KILL $$"))).code).toBe(128 + 9);
  });

  it("says what it cannot run", async () => {
    const { code, stderr } = await end(start("no-such-program"));
    expect(code).toBe(127);
    expect(stderr).toContain("cannot run no-such-program");
  });

  it("explains itself, with 0 when asked and 2 when called with nothing", async () => {
    const asked = await end(start("--help"));
    const mistaken = await end(start());
    expect(asked.stdout).toContain("usage: node toolchain/exec.mjs COMMAND");
    expect(mistaken.stderr).toContain("usage: node toolchain/exec.mjs COMMAND");
    expect([asked.code, mistaken.code]).toEqual([0, 2]);
  });
});
