import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import { DockerError, dockerEngine, dockerSync } from "../../../../steps/engine/docker-engine.ts";
import { StepError } from "../../../../steps/step-error.ts";

const ENGINE = "unix:///run/nowhere.sock";

/** Stands in for the docker command. */
function docker(script: string): void {
  const folder = mkdtempSync(join(tmpdir(), "docker-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "docker"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "docker"), 0o755);
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`);
}

const failing = (stderr: string, code = 1) =>
  docker(`cat >&2 <<'END'\n${stderr}\nEND\nexit ${code}`);
const errorOf = (started: Promise<unknown>) => started.catch((error: unknown) => error);

test("a command is told its engine, and its stdout is the result", async () => {
  docker('echo "$LC_ALL $*"; cat');
  const asked = dockerEngine(ENGINE).docker(["ps", "--quiet"], { input: "in" });
  expect(await asked).toBe(`C -H ${ENGINE} ps --quiet\nin`);
  expect(dockerSync(ENGINE, ["ps"], 10)).toBe(`C -H ${ENGINE} ps\n`);
});

test("an answer of megabytes is an answer, as the state of a mesh of hundreds of nodes", () => {
  docker("head -c 3000000 /dev/zero | tr '\\0' x");
  expect(dockerSync(ENGINE, ["exec"], 10)).toHaveLength(3_000_000);
});

test("one that fails is an error with docker's words, its last ones and its code", async () => {
  failing("first\nlast", 7);
  const words = { stderr: "first\nlast\n", lastWords: "last", code: 7 };
  const message = "docker exec: first\nlast";
  const error = await errorOf(dockerEngine(ENGINE).docker(["exec", "a", "false"]));
  expect(error).toBeInstanceOf(DockerError);
  expect(error).toMatchObject({ ...words, message });
  expect(() => dockerSync(ENGINE, ["exec"], 10)).toThrow(message);
});

test("an engine that is not reached is no docker error, but one with a way out", async () => {
  failing("Cannot connect to the Docker daemon at unix:///run/nowhere.sock.");
  expect(await errorOf(dockerEngine(ENGINE).docker(["ps"]))).toEqual(
    new StepError(
      `Docker engine ${ENGINE}: no engine answers there; install or start Docker (systemctl start docker), or correct \`host\`\n  docker says: Cannot connect to the Docker daemon at unix:///run/nowhere.sock.`,
    ),
  );
});

test("without a docker command the way out is to install it, however it is run", async () => {
  vi.stubEnv("PATH", "/nowhere");
  const missing = new StepError(
    "the docker command is not on this machine; install the Docker CLI (Debian: apt-get install docker.io)",
  );
  expect(await errorOf(dockerEngine(ENGINE).docker(["ps"]))).toEqual(missing);
  const started = dockerEngine(ENGINE).start(["ps"]);
  started.stdout.resume();
  expect(await errorOf(started.ended)).toEqual(missing);
  expect(() => dockerSync(ENGINE, ["ps"], 10)).toThrow(DockerError);
});

test("one that is started is written to, and says how it ended", async () => {
  docker('read -r word; echo "$word $*"; echo why >&2; exit 3');
  const started = dockerEngine(ENGINE).start(["run", "x"]);
  started.stdin.write("heard\n");
  expect(await started.lines().next()).toMatchObject({ value: `heard -H ${ENGINE} run x` });
  expect(await started.ended).toEqual({ code: 3, stderr: "why\n" });
});

type Kind =
  "isNotFound" | "isPortInUse" | "isAddressUnknown" | "isRefusedByRegistry" | "isDiskFull";

// Each as an engine of version 20.10 or 28 said it.
describe("what docker says has one reader", () => {
  test.each<[Kind, string]>([
    ["isNotFound", "Error response from daemon: No such container: a"],
    ["isNotFound", "Error: No such container: a"],
    ["isNotFound", "Error response from daemon: network a not found"],
    ["isNotFound", "Error: No such network: a"],
    ["isNotFound", "Error response from daemon: get a: no such volume"],
    ["isNotFound", "Error response from daemon: no such image: a: No such image: a:latest"],
    ["isNotFound", "Error: No such object: a"],
    [
      "isNotFound",
      "docker: Error response from daemon: No such image: a:latest\n\nRun 'docker run --help'",
    ],
    [
      "isPortInUse",
      "docker: Error response from daemon: driver failed programming external connectivity on endpoint a: Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use.",
    ],
    [
      "isPortInUse",
      "docker: Error response from daemon: Bind for 0.0.0.0:80 failed: port is already allocated.",
    ],
    [
      "isAddressUnknown",
      "docker: Error response from daemon: Error starting userland proxy: listen tcp4 10.9.8.7:80: bind: cannot assign requested address.",
    ],
    [
      "isRefusedByRegistry",
      "Using default tag: latest\nError response from daemon: manifest for a:latest not found: manifest unknown: manifest unknown",
    ],
    [
      "isRefusedByRegistry",
      "Error response from daemon: pull access denied for a, repository does not exist or may require 'docker login'",
    ],
    ["isDiskFull", "failed to register layer: write /bin/a: no space left on device"],
  ])("%s: %s", (kind, said) => {
    const error = new DockerError(["run"], said, 125);
    expect(error[kind]).toBe(true);
    const others = ["isNotFound", "isPortInUse", "isAddressUnknown", "isDiskFull"] as const;
    for (const other of others)
      if (other !== kind) expect([other, error[other]]).toEqual([other, false]);
  });

  test.each([
    "sh: 1: nvidia-smi: not found",
    "cat: manifests/a: No such file or directory",
    "curl: (6) Could not resolve host: a",
  ])("a program inside that lacks something is there itself: %s", (said) => {
    expect(new DockerError(["exec"], said, 127).isNotFound).toBe(false);
  });
});
