// The programs that Pulumi and people start by whatever Node.js is on the PATH: npm compares it with package.json only
// where it installs, and a program in Python runs no npm.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

const CHECKOUT = join(import.meta.dirname, "../../..");
const OLD = join(tmpdir(), `ollama-mesh-old-node-${process.pid}.cjs`);

beforeAll(() => {
  const version = 'Object.defineProperty(process, "version", { value: "v22.9.0" });';
  const versions =
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.9.0" } });';
  writeFileSync(OLD, `${version}\n${versions}\n`);
});
afterAll(() => rmSync(OLD, { force: true }));

test.each([
  "pulumi-plugin/pulumi-resource-ollama-mesh",
  "pulumi-resource-ollama-mesh",
  "pulumi-policy/ollama-mesh-policy",
  "cli/ollama-mesh.ts",
])("%s says in one line that a Node.js is too old, and where it is", (program) => {
  const args = ["--no-warnings", "--require", OLD, join(CHECKOUT, program)];
  const { status, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: 50_000,
  });
  expect(stderr).toBe(
    `ollama-mesh needs Node.js 22.18 or newer, and the node on the PATH is v22.9.0 (${process.execPath}); install a newer one, or put its folder first on the PATH\n`,
  );
  expect(status).toBe(1);
});

test("the policy pack says what to install where there is no @pulumi/policy", () => {
  const folder = mkdtempSync(join(tmpdir(), "ollama-mesh-no-policy-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of ["package.json", "pulumi-plugin", "pulumi-policy"]) {
    cpSync(join(CHECKOUT, part), join(folder, part), { recursive: true });
  }
  mkdirSync(join(folder, "dist/policy"), { recursive: true });
  writeFileSync(join(folder, "dist/policy/pack.js"), 'import "@pulumi/policy";\n');
  const program = join(folder, "pulumi-policy/ollama-mesh-policy");
  const { status, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8" });
  expect(stderr).toBe(
    "the policy pack of ollama-mesh needs @pulumi/policy, which is not installed: npm install @pulumi/policy\n",
  );
  expect(status).toBe(1);
});

test("what is needed is what package.json says", () => {
  const manifest = readFileSync(join(CHECKOUT, "package.json"), "utf8");
  expect((JSON.parse(manifest) as { engines: object }).engines).toEqual({ node: ">=22.18" });
});
