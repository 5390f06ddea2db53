import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, expect, test, vi } from "vitest";

import {
  engineElsewhere,
  ensureDockerEngine,
  stopStartedEngine,
} from "../../lab/docker-engine.mjs";
import { standIns } from "./stand-in.ts";

afterEach(() => vi.restoreAllMocks());

/** A machine with this engine and this user. */
function machine(user: "root" | "user", scripts: { docker: string; dockerd?: string }) {
  vi.spyOn(process, "getuid").mockReturnValue(user === "root" ? 0 : 1000);
  const notes = standIns({ dockerd: "touch $NOTES/started", ...scripts });
  vi.stubEnv("OLLAMA_MESH_CACHE", join(notes, "cache"));
  vi.stubEnv("DOCKER_HOST", undefined);
  vi.stubEnv("DOCKER_CONTEXT", undefined);
  return {
    write: (name: string, text: string) => writeFileSync(join(notes, name), text),
    read: (name: string) => readFileSync(join(notes, name), "utf8"),
    engineStarted: () => existsSync(join(notes, "started")),
  };
}

test("an engine that answers is used as it is", async () => {
  const { engineStarted } = machine("root", { docker: "echo 20.10.24" });
  await ensureDockerEngine();
  expect(engineStarted()).toBe(false);
  expect(await stopStartedEngine()).toBe("not ours");
});

test("a user whom the engine refuses is told how to be let in", async () => {
  machine("user", { docker: "echo permission denied while trying to connect >&2; exit 1" });
  await expect(ensureDockerEngine()).rejects.toThrow("sudo usermod -aG docker $USER");
});

test("a user without an engine is told how to start it", async () => {
  machine("user", { docker: "echo Cannot connect to the Docker daemon >&2; exit 1" });
  await expect(ensureDockerEngine()).rejects.toThrow("sudo systemctl start docker");
});

test("a silent engine elsewhere is named and never replaced by one of our own", async () => {
  const { engineStarted } = machine("root", { docker: "echo no route to host >&2; exit 1" });
  vi.stubEnv("DOCKER_HOST", "tcp://192.0.2.1:2376");
  await expect(ensureDockerEngine()).rejects.toThrow(
    "The Docker engine at tcp://192.0.2.1:2376 does not answer: no route to host",
  );
  vi.stubEnv("DOCKER_HOST", ""); // as Docker, which takes it for none
  vi.stubEnv("DOCKER_CONTEXT", "far");
  await expect(ensureDockerEngine()).rejects.toThrow(
    "The Docker engine at far does not answer: no route to host",
  );
  expect(engineStarted()).toBe(false);
});

test("the mesh is told of an engine with another socket, as rootless Docker and Docker Desktop have it", async () => {
  const said = (endpoint: string) => {
    machine("user", { docker: `[ "$1 $2" = "context inspect" ] && echo ${endpoint}` });
    return engineElsewhere();
  };
  expect(await said("unix:///run/user/1000/docker.sock")).toBe("unix:///run/user/1000/docker.sock");
  expect(await said("unix:///var/run/docker.sock")).toBeUndefined();
  // Another way to it, as this machine's own client may take.
  expect(await said("tcp://127.0.0.1:2375")).toBeUndefined();
  machine("user", { docker: "exit 1" });
  expect(await engineElsewhere()).toBeUndefined();
});

// Where systemd runs, it is the one to start the engine.
const withoutSystemd = !existsSync("/run/systemd/system");

test.runIf(withoutSystemd)(
  "root gets an engine, and it is stopped when nothing runs on it",
  async () => {
    const { read, write } = machine("root", {
      dockerd: "echo $$ > $NOTES/pid; touch $NOTES/up; exec sleep 600",
      docker: `
      [ -f $NOTES/up ] || { echo down >&2; exit 1; }
      [ "$1" != ps ] || cat $NOTES/running`,
    });
    await ensureDockerEngine();
    const alive = () => process.kill(Number(read("pid")), 0);

    write("running", "0123456789ab\n");
    expect(await stopStartedEngine()).toBe("in use");
    expect(alive).not.toThrow();

    write("running", "");
    expect(await stopStartedEngine()).toBe("stopped");
    expect(alive).toThrow("ESRCH");
    expect(await stopStartedEngine()).toBe("not ours");
  },
);

test.runIf(withoutSystemd)("an engine that cannot start shows the end of its log", async () => {
  machine("root", {
    docker: "echo down >&2; exit 1",
    dockerd: "echo failed to mount overlay >&2; exit 1",
  });
  await expect(ensureDockerEngine()).rejects.toThrow(
    /it ended with code 1.*failed to mount overlay/s,
  );
});
