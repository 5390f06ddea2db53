// Under Pulumi's mocks, with the real ssh: what clients, and nodes elsewhere, are told where the balancer's host is a
// name that only an ssh config knows.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import type * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { OllamaMesh, type BalancerArgs } from "../../../components/index.ts";
import { sshHostName } from "../../../steps/engine/ssh.ts";
import { one, record, stepInput } from "../../support/mocks.ts";
import { build, COMMAND } from "../../support/recorded-mesh.ts";

const SSH_CONFIG = `
Host lan1
  HostName 192.0.2.11
Host jumped
  HostName rack7.office.example
  ProxyJump nowhere.example
Match host by-user user admin
  HostName 192.0.2.12
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "client-url-"));
  writeFileSync(join(folder, "config"), SSH_CONFIG);
  const program = join(folder, "ssh");
  // ssh itself takes no other config from the environment.
  writeFileSync(
    program,
    `#!/bin/sh\nPATH=\${PATH#*:}\nexec ssh -F '${join(folder, "config")}' "$@"\n`,
  );
  chmodSync(program, 0o755);
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`);
});
afterEach(() => rmSync(folder, { recursive: true }));

const valueOf = <T>(output: pulumi.Output<T>) =>
  new Promise<T>((resolve) => {
    output.apply(resolve);
  });

async function outputsOf(balancer: BalancerArgs) {
  const nodes = [{ name: "a", managed: false, address: "192.0.2.1" }];
  const args = { nodes, balancer: { listen: { address: "0.0.0.0" }, ...balancer } };
  const { result } = await record(() => new OllamaMesh("lab", args));
  return { endpoint: await valueOf(result.endpoint), curl: await valueOf(result.curl) };
}

describe("the output endpoint", () => {
  test.each<[string, BalancerArgs, string]>([
    ["has what an alias stands for", { host: "ssh://ops@lan1" }, "http://192.0.2.11:11434"],
    [
      "has it behind a jump host, too",
      { host: "ssh://ops@jumped" },
      "http://rack7.office.example:11434",
    ],
    ["goes by the user that logs in", { host: "ssh://admin@by-user" }, "http://192.0.2.12:11434"],
    ["has a name that is no alias as it is", { host: "ssh://lb.lan" }, "http://lb.lan:11434"],
    [
      "has the declared address before all",
      { host: "ssh://ops@lan1", address: "ai.example.org" },
      "http://ai.example.org:11434",
    ],
    [
      "has the one address that is listened on",
      { host: "ssh://ops@lan1", listen: { address: "192.0.2.99", port: 80 } },
      "http://192.0.2.99:80",
    ],
    ["asks no ssh for an engine by TCP", { host: "tcp://lan1:2376" }, "http://lan1:11434"],
  ])("%s", async (_, balancer, url) => {
    const { endpoint, curl } = await outputsOf(balancer);
    expect(endpoint).toBe(url);
    expect(curl).toContain(` ${url}/api/chat `);
  });

  test("has the name where there is no ssh, or its config is broken", async () => {
    writeFileSync(join(folder, "config"), "Nonsense");
    expect(await sshHostName("ssh://ops@lan1")).toBe("lan1");
    vi.stubEnv("PATH", "/nowhere");
    expect(await sshHostName("ssh://ops@lan1:2222")).toBe("lan1");
  });
});

describe("a node on another machine asks whether it hangs", () => {
  test.each<[string, BalancerArgs, string]>([
    ["at what an alias stands for", { host: "ssh://ops@lan1" }, "192.0.2.11"],
    ["at a name that is no alias as it is", { host: "ssh://lb.lan" }, "lb.lan"],
    [
      "at the declared address before all",
      { host: "ssh://ops@lan1", address: "ai.example.org" },
      "ai.example.org",
    ],
  ])("%s", async (_, balancer, address) => {
    const { resources } = await build({
      nodes: [{ name: "a", host: "ssh://gpu1.lan" }],
      balancer: { listen: { address: "0.0.0.0" }, ...balancer },
    });
    const judge = { address, port: 11_434 };
    expect(stepInput(one(resources, COMMAND, "lab-a-ready"))).toMatchObject({ judge });
  });

  test("of two balancers at what each stands for", async () => {
    const { resources } = await build({
      nodes: [{ name: "a", host: "ssh://gpu1.lan" }],
      balancer: {
        hosts: [{ host: "ssh://ops@jumped" }, { host: "ssh://ops@lan1" }],
        listen: { address: "0.0.0.0" },
      },
    });
    const ready = resources.find(({ name }) => name.startsWith("lab-a-ready"))!;
    const addresses = ["192.0.2.11", "rack7.office.example"];
    const judges = addresses.map((address) => ({ address, port: 11_434 }));
    expect(stepInput(ready)).toMatchObject({ judges });
  });
});
