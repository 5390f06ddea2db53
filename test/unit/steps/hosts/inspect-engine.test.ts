import { describe, expect, test } from "vitest";

import {
  clientProblems,
  cpuProblems,
  engineProblems,
  inspectEngine,
  type EngineInspection,
} from "../../../../steps/hosts/inspect-engine.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const FINE: EngineInspection = {
  version: "28.5.2",
  api: "1.51",
  os: "linux",
  architecture: "x86_64",
  memoryGiB: 32,
  clockSeconds: 0,
  machine: "rack1",
  root: "/var/lib/docker",
  nvidiaRuntime: false,
  nvidiaByCdi: false,
};

describe("an engine on which the mesh cannot run", () => {
  test.each<[string, Partial<EngineInspection>, string[]]>([
    ["none of these", {}, []],
    ["the oldest", { version: "20.10.0", api: "1.41" }, []],
    [
      "an older one",
      { version: "19.03.15", api: "1.40" },
      ["Docker 19.03.15 is too old; install 20.10 or newer"],
    ],
    ["an API 2", { api: "2.0" }, []],
    ["Windows", { os: "windows" }, ["it runs windows containers; switch it to Linux containers"]],
    ["ARM", { architecture: "aarch64" }, []],
    [
      "RISC-V",
      { architecture: "riscv64" },
      ["there is no Ollama for its architecture, riscv64; leave it out"],
    ],
    ["a clock 5 minutes behind", { clockSeconds: -300 }, []],
    [
      "a clock that is more behind",
      { clockSeconds: -301 },
      [
        "its clock is 301 s behind, so that certificates may look invalid there; set it right (timedatectl set-ntp true)",
      ],
    ],
    [
      "a clock ahead",
      { clockSeconds: 3600 },
      [
        "its clock is 3600 s ahead, so that certificates may look invalid there; set it right (timedatectl set-ntp true)",
      ],
    ],
  ])("%s", (_, over, problems) => {
    expect(engineProblems({ ...FINE, ...over })).toEqual(problems);
  });

  test("for several reasons at once says them all", () => {
    expect(
      engineProblems({ ...FINE, os: "windows", api: "1.24", architecture: "i386" }),
    ).toHaveLength(3);
  });
});

/** An engine that says this of itself, beside the rest. */
function saying(more: object) {
  const server = { Version: "28.5.2", ApiVersion: "1.51", Os: "linux" };
  const info = {
    Architecture: "x86_64",
    MemTotal: 32 * 1024 ** 3,
    NCPU: 8,
    Name: "rack1",
    DockerRootDir: "/srv/docker",
    SystemTime: new Date().toISOString(),
    Runtimes: { runc: {}, nvidia: {} },
    DiscoveredDevices: [{ Source: "cdi", ID: "nvidia.com/gpu=0" }],
    ...more,
  };
  return standInDocker(
    `case $3 in version) echo '${JSON.stringify(server)}' ;; info) echo '${JSON.stringify(info)}' ;; esac`,
  );
}

test("an engine is asked for its versions and for what it knows of its machine", async () => {
  const { commands } = saying({ SystemTime: new Date(Date.now() + 3_600_000).toISOString() });
  const { clockSeconds, ...seen } = await inspectEngine("unix:///run/nowhere.sock");
  expect(seen).toEqual({
    version: "28.5.2",
    api: "1.51",
    os: "linux",
    architecture: "x86_64",
    memoryGiB: 32,
    cpus: 8,
    machine: "rack1",
    root: "/srv/docker",
    nvidiaRuntime: true,
    nvidiaByCdi: true,
  });
  // Less what the question itself took.
  expect(Math.abs(clockSeconds - 3600)).toBeLessThanOrEqual(60);
  expect(commands()).toEqual(["version --format {{json .Server}}", "info --format {{json .}}"]);
});

test("a limit of CPUs that a machine does not reach is a problem of it, before Docker finds out", () => {
  const limit = (cpus: number) => ({ node: "big", cpus });
  expect(cpuProblems({ cpus: 8 }, limit(8.5))).toEqual([
    "it has 8 CPUs, and node big is to be limited to 8.5, which Docker refuses; declare nodes[].cpus 8 at most, or leave it out for no limit",
  ]);
  expect(cpuProblems({ cpus: 8 }, limit(8))).toEqual([]);
  expect(cpuProblems({ cpus: 8 }, undefined)).toEqual([]);
  expect(cpuProblems({}, limit(64))).toEqual([]);
});

describe("an engine that hides clients behind one address", () => {
  const hiding = { ...FINE, hidesClients: "is rootless" };

  test("is refused with settings that go by it, and the way out", () => {
    expect(clientProblems(hiding, ["balancer.access.allow", "balancer.algorithm"])).toEqual([
      "it is rootless, where every client comes from one address, and balancer.access.allow, balancer.algorithm would go by that; use keys instead (balancer.access.apiKeys), or put the balancer on an engine that runs as root on Linux with iptables rules",
    ]);
  });

  test("is fine without any, and others are with them", () => {
    expect(clientProblems(hiding)).toEqual([]);
    expect(clientProblems(FINE, ["balancer.access.allow"])).toEqual([]);
  });

  test.each<[string, object, string | undefined]>([
    ["rootless", { SecurityOptions: ["name=seccomp", "name=rootless"] }, "is rootless"],
    ["Docker Desktop", { OperatingSystem: "Docker Desktop" }, "is Docker Desktop"],
    [
      "Debian",
      { OperatingSystem: "Debian GNU/Linux 12", SecurityOptions: ["name=seccomp"] },
      undefined,
    ],
  ])("is known by what it says of itself: %s", async (_, said, expected) => {
    saying(said);
    expect((await inspectEngine("unix:///run/nowhere.sock")).hidesClients).toBe(expected);
  });
});
