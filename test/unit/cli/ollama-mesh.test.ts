// The command itself, as a person runs it, with stand-ins for the docker and pulumi commands.
import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { standInDocker } from "../../support/stand-in-docker.ts";

const CLI = fileURLToPath(new URL("../../../cli/ollama-mesh.ts", import.meta.url));
const balancer = { endpoint: "unix:///run/nowhere.sock", container: "lab-balancer" };
const step = (name: string, input: object) => ({
  type: "command:local:Command",
  inputs: {
    create: `import("ollama-mesh/steps").then((steps) => steps.run("${name}"))`,
    stdin: JSON.stringify(input),
  },
});

/** A docker command that does this, and a stack with a mesh of one node. */
function mesh(docker: string): string {
  const { folder } = standInDocker(docker);
  const resources = [
    step("serving", { balancer }),
    step("admit", { balancer, node: "a" }),
    step("ready", { balancer, node: "a", endpoint: balancer.endpoint, container: "lab-a" }),
  ];
  const pulumi = join(folder, "pulumi");
  writeFileSync(pulumi, `#!/bin/sh\necho '${JSON.stringify({ deployment: { resources } })}'\n`);
  chmodSync(pulumi, 0o755);
  return folder;
}
/** Runs a line of a shell in which $CLI is the command. */
const run = (line: string) => {
  const env = { ...process.env, CLI: `${process.execPath} --no-warnings ${CLI}` };
  const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8", env });
  return { status, stdout, stderr };
};

test("what Docker refuses is a sentence, and no stack trace", () => {
  mesh("echo 'Error response from daemon: disk is broken' >&2; exit 1");
  expect(run("$CLI restart a")).toEqual({
    status: 1,
    stdout: "",
    stderr:
      "docker container: Error response from daemon: disk is broken; mend what Docker says, and try again\n",
  });
});

test("a stack file that cannot be written is told of before any machine is asked", () => {
  const folder = mesh("exit 1");
  const missing = join(folder, "nowhere", "Pulumi.a.yaml");
  expect(run(`$CLI discover --write ${missing}`)).toEqual({
    status: 1,
    stdout: "",
    stderr: `${missing} cannot be written: there is no folder ${join(folder, "nowhere")}; make it, or name another file\n`,
  });
});

test("a reader that has seen enough ends it without a word", () => {
  mesh(`printf '{"routing":"plain"}\\n200'`);
  const { stdout, stderr } = run("$CLI status --watch --json | head -n 1");
  expect(JSON.parse(stdout)).toEqual([
    { balancer: "lab-balancer", host: balancer.endpoint, status: { routing: "plain" } },
  ]);
  expect(stderr).toBe("");
});
