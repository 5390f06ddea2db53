// A stack of the program on the real engine: real pulumi, real Docker, real Ollama.
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { defaultSubnet } from "../../../config/subnet.ts";
import { dockerEngine } from "../../../steps/engine/docker-engine.ts";
import { networkProblems } from "../../../steps/hosts/subnet-conflicts.ts";
import { ownStackName, removeDeadMeshes, removeMesh } from "./leftovers.ts";
import { freePort } from "./port.ts";
import { pulumi, type Ran } from "./pulumi.ts";

/** The checkout under test, which is also the Pulumi program. */
export const CHECKOUT = join(import.meta.dirname, "../../..");

/** Config keys of the stack, without the project's name. */
export type StackConfig = Record<string, unknown>;

/** Its message ends with all that pulumi said. */
class PulumiFailed extends Error {
  constructor(args: readonly string[], { code, output }: Ran) {
    super(`pulumi ${args.join(" ")} ended with code ${code}:\n${output}`);
    this.name = "PulumiFailed";
  }
}

let swept: Promise<void> | undefined;

/** How a stack is made. */
export interface StackOptions {
  /** Folder with the program. Default this checkout. */
  program?: string;
  /** Name of the program's project: prefix of the config keys and of the mesh's name. Default ollama-mesh. */
  project?: string;
  /** Default that of the tests. */
  env?: NodeJS.ProcessEnv;
}

/**
 * A mesh's network follows from its name, one of 4,096: of the sixty stacks of a run, one meets another's every fiftieth time.
 * One that is not made yet is claimed by a socket, which the kernel frees however the process ends.
 */
async function nameWithFreeNetwork(project: string): Promise<string> {
  for (;;) {
    const name = ownStackName();
    const network = { name, subnet: defaultSubnet(`${project}-${name}`) };
    if (!(await claimed(network.subnet))) continue;
    const engine = dockerEngine("unix:///var/run/docker.sock");
    if ((await networkProblems(engine, network, [])).length === 0) return name;
  }
}

/** Whether nobody else on this machine has claimed it; Linux only, elsewhere everything is free. */
async function claimed(subnet: string): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const claim = createServer().unref();
  return new Promise((resolve) => {
    claim
      .on("error", () => resolve(false))
      .listen(`\0ollama-mesh-test-${subnet}`, () => resolve(true));
  });
}

/** A stack with a state folder and a config file of its own; its mesh is gone when it is disposed of. */
export class Stack implements AsyncDisposable {
  readonly name: string;
  readonly mesh: string;
  /** Port of the balancer. */
  readonly port: number;
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
  readonly configFile: string;
  private readonly folder: string;
  private readonly program: string;
  private readonly project: string;

  private constructor(
    name: string,
    port: number,
    program: string,
    project: string,
    env: NodeJS.ProcessEnv,
  ) {
    this.name = name;
    this.mesh = `${project}-${name}`;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.program = program;
    this.project = project;
    this.folder = join(tmpdir(), this.mesh);
    this.configFile = join(this.folder, `Pulumi.${name}.yaml`);
    this.env = {
      ...env,
      // As the lab does, so that a kill in the wrong millisecond leaves a readable state.
      PULUMI_BACKEND_URL: `file://${join(this.folder, "state")}?metadata=skip`,
      PULUMI_CONFIG_PASSPHRASE: "of a test",
      // Without it the engine keeps its event log to itself.
      PULUMI_DEBUG_COMMANDS: "true",
    };
  }

  /** Makes the stack; nothing of its mesh exists before the first up. */
  static async init(config: StackConfig, options: StackOptions = {}): Promise<Stack> {
    await (swept ??= removeDeadMeshes());
    const { program = CHECKOUT, project = "ollama-mesh", env = process.env } = options;
    const stack = new Stack(
      await nameWithFreeNetwork(project),
      await freePort(),
      program,
      project,
      env,
    );
    await mkdir(join(stack.folder, "state"), { recursive: true });
    // `stack init` writes its salt beside the project file: that must be a copy.
    await copyFile(join(program, "Pulumi.yaml"), join(stack.folder, "Pulumi.yaml"));
    const ran = await stack.run(["stack", "init", stack.name], stack.folder);
    if (ran.code !== 0) throw new PulumiFailed(["stack", "init"], ran);
    await stack.configure(config);
    return stack;
  }

  /** Replaces the whole config; the balancer's port is added where none is given. */
  async configure(config: StackConfig): Promise<void> {
    const before = await readFile(this.configFile, "utf8");
    const salt = /^"?encryptionsalt"?: *"?([^"\s]+)"?,?$/m.exec(before)?.[1];
    const declared = config["balancer"] as { listen?: object } | undefined;
    const balancer = { ...declared, listen: { port: this.port, ...declared?.listen } };
    const keys = Object.entries({ ...config, balancer }).map(([key, value]) => [
      `${this.project}:${key}`,
      value,
    ]);
    // JSON is YAML.
    const text = { encryptionsalt: salt, config: Object.fromEntries(keys) };
    await writeFile(this.configFile, JSON.stringify(text, null, 2));
  }

  /** @throws PulumiFailed */
  up = (): Promise<Ran> => this.succeed("up");
  /** An up that may fail. */
  tryUp = (...args: string[]): Promise<Ran> => this.change("up", args);
  /** @throws PulumiFailed */
  destroy = (): Promise<Ran> => this.succeed("destroy");

  /**
   * @param program another folder with the program
   * @param more arguments of pulumi
   * @throws PulumiFailed
   */
  async preview(program?: string, more: string[] = []): Promise<Ran> {
    const args = ["preview", ...this.common, ...more];
    const ran = await this.run(args, program);
    if (ran.code !== 0) throw new PulumiFailed(args, ran);
    return ran;
  }

  /**
   * Brings the state in line with what there is.
   *
   * @throws PulumiFailed also when it finds a change
   */
  refresh = (): Promise<Ran> => this.succeed("refresh", "--expect-no-changes");

  /** Takes away the lock of a command that was killed. */
  async cancel(): Promise<void> {
    const args = ["cancel", "--yes", "--stack", this.name];
    const ran = await this.run(args);
    if (ran.code !== 0) throw new PulumiFailed(args, ran);
  }

  /** The stack's outputs. */
  async outputs(): Promise<Record<string, unknown>> {
    const args = ["stack", "output", "--json", "--stack", this.name];
    const ran = await this.run(args);
    if (ran.code !== 0) throw new PulumiFailed(args, ran);
    return JSON.parse(ran.output) as Record<string, unknown>;
  }

  /** A command that changes something, from this or another folder with the program. */
  change(command: string, args: string[] = [], program?: string): Promise<Ran> {
    return this.run([command, "--yes", "--skip-preview", ...this.common, ...args], program);
  }

  /** Removes everything of the mesh from the engine, whatever state it is in, the volume with the models too. */
  async [Symbol.asyncDispose](): Promise<void> {
    await removeMesh(this.mesh);
    await rm(this.folder, { recursive: true, force: true });
  }

  private get common(): string[] {
    return ["--stack", this.name, "--config-file", this.configFile, "--suppress-permalink=true"];
  }

  private async succeed(command: string, ...args: string[]): Promise<Ran> {
    const ran = await this.change(command, args);
    if (ran.code !== 0) throw new PulumiFailed([command, ...args], ran);
    return ran;
  }

  private run(args: string[], program = this.program): Promise<Ran> {
    return pulumi(args, { cwd: program, env: this.env, folder: this.folder });
  }
}
