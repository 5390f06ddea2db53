// A Pulumi project of commands in a temporary folder, driven with the real engine.
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ensureToolchain } from "../../../toolchain/ensure.mjs";

const PROGRAM = join(import.meta.dirname, "program");
const NODE_MODULES = join(import.meta.dirname, "../../../node_modules");

/** One resource of the program: the inputs of `command.local.Command`, and how they are given. */
export interface Wanted {
  kind?: "remote.Command" | "remote.CopyToRemote" | "local.run";
  /** Inputs that are given as secrets. */
  secret?: string[];
  options?: {
    additionalSecretOutputs?: string[];
    deleteBeforeReplace?: boolean;
    customTimeouts?: { create?: string };
  };
  create?: string;
  update?: string;
  delete?: string;
  triggers?: unknown[];
  stdin?: string;
  environment?: Record<string, string>;
  dir?: string;
  interpreter?: string[];
  logging?: "stdout" | "stderr" | "stdoutAndStderr" | "none";
  addPreviousOutputInEnv?: boolean;
  assetPaths?: string[];
  archivePaths?: string[];
}

/** What one run of the CLI came to. */
export interface Outcome {
  code: number | null;
  output: string;
  /** What the engine did to each command: "create", "update", "same", ... in order. */
  steps: string[];
  /** What was shown for a command while it ran, line by line; "\n"-joined per message. */
  shown: (name: string) => string[];
  /** The errors reported for a command, without the engine's own summary. */
  errors: (name: string) => string[];
}

/** A resource as `pulumi stack export` writes it. */
export interface StateResource {
  urn: string;
  id: string;
  type: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
}

/** A command that notes in $LOG that it ran and with what previous output. */
export const noted = (word: string) =>
  `echo "${word} [$PULUMI_COMMAND_STDOUT] [$PULUMI_COMMAND_STDERR]" >> $LOG; echo ${word}-out; echo ${word}-err >&2`;

const nameOf = (urn = "") => urn.split("::").at(-1) ?? "";

/** The environment of the plugin under test, the one in place. */
async function environment(folder: string): Promise<NodeJS.ProcessEnv> {
  return {
    ...(await ensureToolchain()),
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "contract",
    PULUMI_DEBUG_COMMANDS: "true",
    LOG: join(folder, "log"),
  };
}

export class CommandProject {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.env = env;
  }

  static async create(): Promise<CommandProject> {
    const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-contract-"));
    await cp(PROGRAM, folder, { recursive: true });
    await symlink(NODE_MODULES, join(folder, "node_modules"));
    await mkdir(join(folder, "state"));
    await writeFile(join(folder, "log"), "");
    const project = new CommandProject(folder, await environment(folder));
    const made = await project.pulumi("stack", "init", "test");
    if (made.code !== 0) throw new Error(made.output);
    return project;
  }

  /** Starts the CLI and does not wait for it. */
  async start(commands: Record<string, Wanted>, ...args: string[]): Promise<ChildProcess> {
    await writeFile(join(this.folder, "commands.json"), JSON.stringify(commands));
    return spawn("pulumi", ["--non-interactive", "--color=never", ...args], {
      cwd: this.folder,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async up(commands: Record<string, Wanted>): Promise<Outcome> {
    return this.finish(
      await this.start(commands, "up", "--yes", "--skip-preview", ...this.eventLog),
    );
  }

  async preview(commands: Record<string, Wanted>): Promise<Outcome> {
    return this.finish(await this.start(commands, "preview", ...this.eventLog));
  }

  async pulumi(...args: string[]): Promise<Outcome> {
    return this.finish(await this.start({}, ...args));
  }

  /** What the commands wrote to $LOG since it was asked last. */
  async ran(): Promise<string[]> {
    const text = await readFile(join(this.folder, "log"), "utf8");
    await writeFile(join(this.folder, "log"), "");
    return text.split("\n").filter((line) => line !== "");
  }

  /** The exported state, as text: secrets are ciphertext in it. */
  async stateText(): Promise<string> {
    return (await this.pulumi("stack", "export")).output;
  }

  /** The commands in the exported state, by name. */
  async state(): Promise<Record<string, StateResource>> {
    const { resources = [] }: { resources?: StateResource[] } = JSON.parse(
      await this.stateText(),
    ).deployment;
    const commands = resources.filter(({ type }) => type === "command:local:Command");
    return Object.fromEntries(commands.map((resource) => [nameOf(resource.urn), resource]));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  private get eventLog(): string[] {
    return ["--event-log", join(this.folder, "events")];
  }

  async finish(child: ChildProcess): Promise<Outcome> {
    let output = "";
    child.stdout?.on("data", (chunk) => (output += chunk));
    child.stderr?.on("data", (chunk) => (output += chunk));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    return { code, output, ...(await this.events()) };
  }

  private async events(): Promise<Pick<Outcome, "steps" | "shown" | "errors">> {
    const file = join(this.folder, "events");
    const text = await readFile(file, "utf8").catch(() => "");
    await rm(file, { force: true });
    const events = text.split("\n").flatMap((line) => (line ? [JSON.parse(line)] : []));
    const isCommand = (urn = "") => urn.includes("::command:local:Command::");
    const diagnostics = events.flatMap((event) => event.diagnosticEvent ?? []);
    return {
      steps: events
        .flatMap(
          (event) => event.resOutputsEvent?.metadata ?? event.resOpFailedEvent?.metadata ?? [],
        )
        .filter(({ urn }) => isCommand(urn))
        .map(({ op, urn }) => `${op} ${nameOf(urn)}`),
      shown: (name) =>
        diagnostics
          .filter(({ urn, ephemeral }) => ephemeral && nameOf(urn) === name)
          .map(({ message }) => message.trim()),
      errors: (name) =>
        diagnostics
          .filter(
            ({ urn, severity, ephemeral }) =>
              severity === "error" && !ephemeral && nameOf(urn) === name,
          )
          .map(({ message }) => message),
    };
  }
}
