import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import {
  inspectMachine,
  parseInspection,
  shellOn,
} from "../../../../steps/hosts/inspect-machine.ts";

const HERE = "unix:///var/run/docker.sock";

describe("a shell on the machine of an engine", () => {
  test.each([
    ["by ssh", "ssh://ops@gpu1:2222", "gpu1", ["ssh", "-T", "-p", "2222", "ops@gpu1", "sh", "-s"]],
    ["here, where the engine is this machine's own", HERE, hostname(), ["sh", "-s"]],
    ["none where a socket leads elsewhere", HERE, "docker-desktop", undefined],
    ["none by TCP", "tcp://gpu1:2376", hostname(), undefined],
  ])("%s", (_, endpoint, machine, words) => {
    expect(shellOn(endpoint, machine)).toEqual(words);
  });
});

describe("what a machine says", () => {
  test("is read word by word", () => {
    expect(
      parseInspection(
        "free 73924608\nfile /dev/kfd\nfile /etc/cdi/nvidia.yaml\nport 0.0.0.0:22\nport [::]:80\nroute default via 10.0.0.1 dev eth0\nend\n",
      ),
    ).toEqual({
      freeGiB: 70.5,
      files: ["/dev/kfd", "/etc/cdi/nvidia.yaml"],
      listening: ["0.0.0.0:22", "[::]:80"],
      routes: ["default via 10.0.0.1 dev eth0"],
    });
  });

  test("says that its engine makes no rules, so that containers see no client", () => {
    const { hidesClients } = parseInspection("engine without-iptables\nend\n");
    expect(hidesClients).toBe("makes no rules of its own (iptables: false)");
  });

  test("may be next to nothing", () => {
    expect(parseInspection("free \nend\n")).toEqual({ files: [], listening: [], routes: [] });
  });

  test.each(["", "This account is currently not available.\n", "free 1\nfile /dev/kfd\n"])(
    "is nothing where it did not come to its end: %j",
    (text) => {
      expect(parseInspection(text)).toEqual({ listening: [], routes: [] });
    },
  );
});

describe("this machine", () => {
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), "it's $(here) "));
    onTestFinished(() => rmSync(made, { recursive: true }));
    return made;
  };

  test("says how much room there is in a folder, whatever its name", async () => {
    const seen = await inspectMachine(HERE, { machine: hostname(), root: folder() });
    expect(seen.freeGiB).toBeGreaterThan(0);
    expect(seen.files).toBeInstanceOf(Array);
    const nowhere = await inspectMachine(HERE, { machine: hostname(), root: "/no/such/folder" });
    expect(nowhere).not.toHaveProperty("freeGiB");
  });

  test.each([
    ["", '{"ip6tables": false, "iptables": true}', false],
    ["", '{\n  "iptables" : false\n}', true],
    ["--iptables=false", "{}", true],
    ["--iptables=true", "{}", false],
  ])("knows that its engine makes no rules, by %j and %j", async (word, file, without) => {
    const made = folder();
    const config = join(made, "daemon.json");
    writeFileSync(config, file);
    const words = ["-e", "setInterval(() => {}, 1e6)", "--", "--config-file", config];
    const engine = spawn(process.execPath, [...words, ...(word ? [word] : [])], {
      stdio: "ignore",
    });
    onTestFinished(() => void engine.kill());
    writeFileSync(join(made, "docker.pid"), `${engine.pid}`);
    vi.stubEnv("DOCKER_PID_FILE", join(made, "docker.pid"));
    const seen = await inspectMachine(HERE, { machine: hostname(), root: made });
    expect(seen.hidesClients !== undefined).toBe(without);
  });

  test("says nothing where there is no ssh to ask another one by", async () => {
    const empty = join(folder(), "bin");
    mkdirSync(empty);
    vi.stubEnv("PATH", empty);
    const seen = await inspectMachine("ssh://gpu1", { machine: "gpu1", root: "/" });
    expect(seen).toEqual({ listening: [], routes: [] });
  });
});
