// A machine as the toolchain sees it: its own home, cache and PATH, and what is installed on it.
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { CommandError, run } from "../../toolchain/command.mjs";

export const EXEC = join(import.meta.dirname, "../../toolchain/exec.mjs");

/** Programs of the system that the toolchain and the fake ones need. */
const SYSTEM = ["sh", "tar", "gzip", "cat", "mkdir", "chmod", "sleep"];

/** An address where nothing answers, as the way out of a closed network. */
const NO_WAY_OUT = "http://127.0.0.1:9";

export interface Result {
  code: number | null;
  stdout: string;
  output: string;
}

export class Machine {
  readonly folder: string;
  /** Added to the environment of each run. */
  readonly env: Record<string, string> = {};

  constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Machine> {
    const machine = new Machine(await mkdtemp(join(tmpdir(), "ollama-mesh-machine-")));
    await mkdir(machine.bin);
    await mkdir(machine.cache);
    for (const program of SYSTEM) {
      const file = (await run("sh", ["-c", `command -v ${program}`])).trim();
      await symlink(file, join(machine.bin, program));
    }
    await symlink(process.execPath, join(machine.bin, "node"));
    return machine;
  }

  get bin(): string {
    return join(this.folder, "bin");
  }

  get cache(): string {
    return join(this.folder, "cache");
  }

  /** Puts a shell script on the machine, by default on PATH. */
  async install(name: string, script: string, folder = this.bin): Promise<void> {
    await mkdir(folder, { recursive: true });
    await rm(join(folder, name), { force: true }); // it may be a link to the system's
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }

  /** Puts a Pulumi CLI of that version on PATH, with its language host. */
  async installPulumi(version: string): Promise<void> {
    await this.install("pulumi", `echo ${version}`);
    await this.install("pulumi-language-nodejs", "exit 1");
  }

  async installPlugin(name: string, version: string): Promise<void> {
    const folder = join(this.folder, ".pulumi/plugins", `resource-${name}-v${version}`);
    await this.install(`pulumi-resource-${name}`, "echo from the user", folder);
  }

  /** Runs a shell line in the environment that the toolchain gives. */
  async exec(line: string): Promise<Result> {
    let output = "";
    const env: NodeJS.ProcessEnv = {
      HOME: this.folder,
      PATH: this.bin,
      OLLAMA_MESH_CACHE: this.cache,
      TMPDIR: this.folder,
      HTTPS_PROXY: NO_WAY_OUT,
      ...this.env,
    };
    const onLine = (text: string) => (output += `${text}\n`);
    try {
      const stdout = await run(process.execPath, [EXEC, "sh", "-c", line], { env, onLine });
      return { code: 0, stdout, output };
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return { code: error.code, stdout: "", output: error.output };
    }
  }

  /** What the cache holds, without the hashes. */
  async cached(): Promise<string[]> {
    return (await readdir(this.cache)).map((name) => name.replace(/-[0-9a-f]{16}$/, "")).sort();
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Makes a tarball of shell scripts. */
export async function tarball(file: string, scripts: Record<string, string>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-tarball-"));
  try {
    for (const [path, script] of Object.entries(scripts)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), `#!/bin/sh\n${script}\n`);
      await chmod(join(folder, path), 0o755);
    }
    await run("tar", ["-czf", file, "-C", folder, ...(await readdir(folder))]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
