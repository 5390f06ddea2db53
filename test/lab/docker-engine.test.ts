import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ensureDockerEngine, stopStartedEngine } from "../../lab/docker-engine.mjs";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lab-engine-"));
  mkdirSync(join(folder, "bin"));
  vi.stubEnv("PATH", `${join(folder, "bin")}:${process.env["PATH"]}`);
  vi.stubEnv("OLLAMA_MESH_CACHE", join(folder, "cache"));
  vi.stubEnv("DOCKER_HOST", undefined);
  vi.stubEnv("DOCKER_CONTEXT", undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** A program that takes the place of the real one. */
function standIn(name: string, script: string) {
  const file = join(folder, "bin", name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

const asUser = () => vi.spyOn(process, "getuid").mockReturnValue(1000);
const asRoot = () => vi.spyOn(process, "getuid").mockReturnValue(0);

test("an engine that answers is used as it is", async () => {
  standIn("docker", "echo 20.10.24");
  standIn("dockerd", `touch ${folder}/started`);
  asRoot();
  await ensureDockerEngine();
  expect(existsSync(join(folder, "started"))).toBe(false);
  expect(await stopStartedEngine()).toBe("not ours");
});

test("a user whom the engine refuses is told how to be let in", async () => {
  standIn("docker", "echo permission denied while trying to connect >&2; exit 1");
  asUser();
  await expect(ensureDockerEngine()).rejects.toThrow("sudo usermod -aG docker $USER");
});

test("a user without an engine is told how to start it", async () => {
  standIn("docker", "echo Cannot connect to the Docker daemon >&2; exit 1");
  asUser();
  await expect(ensureDockerEngine()).rejects.toThrow("sudo systemctl start docker");
});

test("a silent engine elsewhere is named and never replaced by one of our own", async () => {
  standIn("docker", "echo no route to host >&2; exit 1");
  standIn("dockerd", `touch ${folder}/started`);
  asRoot();
  vi.stubEnv("DOCKER_HOST", "tcp://192.0.2.1:2376");
  await expect(ensureDockerEngine()).rejects.toThrow(
    "The Docker engine at tcp://192.0.2.1:2376 does not answer: no route to host",
  );
  expect(existsSync(join(folder, "started"))).toBe(false);
});

// Where systemd runs, it is the one to start the engine.
const withoutSystemd = !existsSync("/run/systemd/system");

test.runIf(withoutSystemd)(
  "root gets an engine started, and stopped when nothing runs on it",
  async () => {
    asRoot();
    standIn("dockerd", `echo $$ > ${folder}/pid; echo ready > ${folder}/up; exec sleep 600`);
    standIn(
      "docker",
      `[ -f ${folder}/up ] || { echo down >&2; exit 1; }; [ "$1" != ps ] || cat ${folder}/running`,
    );
    await ensureDockerEngine();
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));

    writeFileSync(join(folder, "running"), "0123456789ab\n");
    expect(await stopStartedEngine()).toBe("in use");
    expect(() => process.kill(pid, 0)).not.toThrow();

    writeFileSync(join(folder, "running"), "");
    expect(await stopStartedEngine()).toBe("stopped");
    expect(await stopStartedEngine()).toBe("not ours");
  },
);

test.runIf(withoutSystemd)("an engine that cannot start shows the end of its log", async () => {
  asRoot();
  standIn("docker", "echo down >&2; exit 1");
  standIn("dockerd", "echo failed to mount overlay >&2; exit 1");
  await expect(ensureDockerEngine()).rejects.toThrow(
    /it ended with code 1.*failed to mount overlay/s,
  );
});
