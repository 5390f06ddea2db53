import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import { SSH_OPTIONS } from "../../../../steps/engine/shared-ssh.ts";

/** As in a process that has started no command yet: the program is written once per process. */
async function newProcess() {
  vi.resetModules();
  return await import("../../../../steps/engine/shared-ssh.ts");
}

describe("commands have an ssh before the real one", () => {
  const made = () => {
    const folder = mkdtempSync(join(tmpdir(), "run-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    // Stands in for ssh: shows with which words it was called.
    const real = join(folder, "real");
    mkdirSync(real);
    writeFileSync(join(real, "ssh"), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
    vi.stubEnv("PATH", `${real}:/usr/bin:/bin`);
    vi.stubEnv("XDG_RUNTIME_DIR", folder);
    return folder;
  };
  const words = async () => {
    const { withSharedSsh } = await newProcess();
    const env = withSharedSsh(process.env);
    return execFileSync("ssh", ["-l", "ops", "--", "a host"], { env })
      .toString()
      .trim()
      .split("\n");
  };
  const always = SSH_OPTIONS.flatMap((option) => ["-o", option]);

  test("that asks nobody, gives up, and shares one connection in a folder of this user only", async () => {
    const folder = made();
    const shared = ["ControlMaster=auto", `ControlPath=${folder}/ollama-mesh/%C`];
    expect(await words()).toEqual([
      ...always,
      ...[...shared, "ControlPersist=15"].flatMap((option) => ["-o", option]),
      ...["-l", "ops", "--", "a host"],
    ]);
    expect(statSync(join(folder, "ollama-mesh")).mode & 0o777).toBe(0o700);
  });

  test("that shares none where the socket's address would be too long", async () => {
    const folder = join(made(), "a".repeat(60));
    mkdirSync(folder);
    vi.stubEnv("XDG_RUNTIME_DIR", folder);
    expect(await words()).toEqual([...always, "-l", "ops", "--", "a host"]);
  });

  test("in another folder where that one is open to others, or a link", async () => {
    const folder = made();
    mkdirSync(join(folder, "ollama-mesh"), { mode: 0o755 });
    expect((await words()).join(" ")).toContain(`ControlPath=${tmpdir()}/ollama-mesh-`);
    rmSync(join(folder, "ollama-mesh"), { recursive: true });
    mkdirSync(join(folder, "elsewhere"), { mode: 0o700 });
    symlinkSync(join(folder, "elsewhere"), join(folder, "ollama-mesh"));
    expect((await words()).join(" ")).toContain(`ControlPath=${tmpdir()}/ollama-mesh-`);
  });

  test("that is written when the first command starts, and once", async () => {
    const folder = made();
    const { withSharedSsh } = await newProcess();
    const written = join(folder, "ollama-mesh");
    expect(existsSync(written)).toBe(false);
    const first = withSharedSsh({ PATH: "/bin" });
    expect(first).toEqual({ PATH: `${written}/bin:/bin` });
    rmSync(written, { recursive: true });
    expect(withSharedSsh({ PATH: "/bin", A: "1" })).toEqual({ ...first, A: "1" });
    expect(existsSync(written)).toBe(false);
  });
});
