// What the project relies on in the Node language host, whichever is in place.
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { CommandError, run } from "../../toolchain/command.mjs";
import { ensureToolchain } from "../../toolchain/ensure.mjs";

// Each run of the engine takes seconds, and several of them where other tests run at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ROOT = join(import.meta.dirname, "../..");

/** Not in a hook: on a new machine this builds for minutes. */
const env = await ensureToolchain();

let folder: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "ollama-mesh-host-")));
  Object.assign(env, {
    PULUMI_BACKEND_URL: `file://${folder}`,
    PULUMI_CONFIG_PASSPHRASE: "host",
  });
  await cp(join(import.meta.dirname, "command-plugin/program"), folder, { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await mkdir(join(folder, "deeper"));
  await pulumi("stack", "init", "test");
  await pulumi("config", "set", "word", "plain");
  await pulumi("config", "set", "--secret", "hidden", "not to be shown");
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function pulumi(...args: string[]): Promise<{ code: number | null; output: string }> {
  let output = "";
  const onLine = (line: string) => (output += `${line}\n`);
  try {
    const all = ["--non-interactive", "--color=never", "--cwd", join(folder, "deeper"), ...args];
    await run("pulumi", all, { env, onLine });
    return { code: 0, output };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { code: error.code, output };
  }
}

const program = (text: string) =>
  writeFile(join(folder, "index.ts"), `import * as pulumi from "@pulumi/pulumi";\n${text}\n`);

describe("the Node language host", () => {
  it("runs a TypeScript program under native type stripping, with its config, project, stack and exports", async () => {
    await program(`
      const config = new pulumi.Config();
      const word: string = config.require("word");
      export const greeting = \`\${word} from \${pulumi.getProject()} in \${pulumi.getStack()}\`;
      export const organization = pulumi.getOrganization();
      export const hidden = config.requireSecret("hidden");
      export const dry = pulumi.runtime.isDryRun();
      export const nodeOptions = process.env["NODE_OPTIONS"] ?? "none";`);
    const up = await pulumi("up", "--yes", "--skip-preview");
    expect(up.output).not.toMatch(/warning/i);
    expect(up.code).toBe(0);
    expect(JSON.parse((await pulumi("stack", "output", "--json")).output)).toEqual({
      greeting: "plain from contract in test",
      organization: "organization",
      hidden: "[secret]",
      dry: false,
      nodeOptions: "none",
    });
  });

  it("ends `up` with the message of a RunError alone", async () => {
    await program(`throw new pulumi.RunError("the mesh has no nodes");`);
    const { code, output } = await pulumi("preview");
    expect(code).not.toBe(0);
    expect(output).toContain("error: the mesh has no nodes");
    expect(output).not.toContain("    at ");
  });

  it("says in one line that the program's packages are not installed", async () => {
    const empty = await realpath(await mkdtemp(join(tmpdir(), "ollama-mesh-host-")));
    const own = join(ROOT, "toolchain/langhost/language-host.mjs");
    const refused = run(process.execPath, [own, "127.0.0.1:1"], { cwd: empty });
    await expect(refused).rejects.toMatchObject({
      output: `no @pulumi/pulumi in ${empty}: run npm ci there first\n`,
    });
    await rm(empty, { recursive: true });
  });

  it("shows where a program failed by mistake", async () => {
    await program(`(undefined as unknown as {mesh: {nodes: string}}).mesh.nodes;`);
    const { code, output } = await pulumi("preview");
    expect(code).not.toBe(0);
    expect(output).toContain("Cannot read properties of undefined (reading 'mesh')");
    expect(output).toContain("index.ts:2");
  });

  it("shows what a program prints", async () => {
    await program(`console.log("a line of the program");`);
    expect((await pulumi("preview")).output).toContain("a line of the program");
  });

  it("tells `pulumi about` the packages of the program and the Node that runs it", async () => {
    // The official language host reads the lock file, which the temporary project has not.
    const { code, output } = await pulumi("--cwd", ROOT, "about");
    expect(code).toBe(0);
    expect(output).toMatch(/@pulumi\/command +1\.2\.1/);
    expect(output).toMatch(/@pulumi\/pulumi +3\.270\.0/);
    expect(output).toMatch(/nodejs: executable=.*node.* version=.*v\d+\./);
  });
});
