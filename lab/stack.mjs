// A Pulumi stack of the lab: state, passphrase and this machine's config, all below `.<stack>/` in the checkout.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { run } from "../toolchain/command.mjs";
import { alive } from "../toolchain/lock.mjs";

/** The checkout, which is also the Pulumi program. */
const PROGRAM = dirname(import.meta.dirname);

/** One of the lab's stacks. */
export class LabStack {
  /** Its name; `Pulumi.<name>.yaml` is its committed config. */
  #name;
  /** Where the stack's own project files lie. */
  #folder;
  #state;
  #passphrase;
  #config;
  #project;
  #port;

  /** @param {"lab" | "lan"} name */
  constructor(name) {
    this.#name = name;
    this.#folder = join(PROGRAM, `.${name}`);
    this.#state = join(this.#folder, "state");
    this.#passphrase = join(this.#folder, "passphrase");
    this.#config = join(this.#folder, `Pulumi.${name}.yaml`);
    this.#project = join(this.#folder, "Pulumi.yaml");
    this.#port = join(this.#folder, "port");
    /** What the mesh of this stack is called: containers, networks and volumes bear it in name and label. */
    this.mesh = `ollama-mesh-${name}`;
  }

  /** Whether there is anything that `up` made and `down` did not remove. */
  exists() {
    return existsSync(this.#state);
  }

  /**
   * The environment in which pulumi finds the stack, which is made now when it is not there.
   *
   * @param {NodeJS.ProcessEnv} toolchain
   * @returns {Promise<NodeJS.ProcessEnv>}
   */
  async environment(toolchain) {
    await mkdir(this.#state, { recursive: true });
    // Without files of metadata: a kill while one is written leaves a state that nobody can read.
    const url = `${pathToFileURL(this.#state).href}?metadata=skip`;
    /** @type {NodeJS.ProcessEnv} */
    const env = { ...toolchain, PULUMI_BACKEND_URL: url };
    if (!env.PULUMI_CONFIG_PASSPHRASE && !env.PULUMI_CONFIG_PASSPHRASE_FILE) {
      if (!existsSync(this.#passphrase)) {
        const passphrase = randomBytes(24).toString("base64url");
        await writeFile(this.#passphrase, passphrase, { mode: 0o600 });
      }
      env.PULUMI_CONFIG_PASSPHRASE_FILE = this.#passphrase;
    }
    // `stack init` writes its salt into the project's config file, which must not be the committed one.
    await copyFile(join(PROGRAM, "Pulumi.yaml"), this.#project);
    await this.#takeLocksOfTheDead();
    const stacks = JSON.parse(await this.#aside(env, ["stack", "ls", "--json"]));
    if (stacks.length === 0) await this.#aside(env, ["stack", "init", this.#name]);
    return env;
  }

  /**
   * Writes the config of this run: the committed one, with what holds on this machine only.
   *
   * @param {NodeJS.ProcessEnv} env
   * @param {Record<string, string>} values by path, such as `balancer.image`
   */
  async configure(env, values) {
    const committed = await readFile(join(PROGRAM, `Pulumi.${this.#name}.yaml`), "utf8");
    const before = await readFile(this.#config, "utf8").catch(() => "");
    const salt = /^encryptionsalt: .*$/m.exec(before)?.[0] ?? "";
    await writeFile(this.#config, `${committed.trimEnd()}\n${salt}\n`);
    const pairs = Object.entries(values).flatMap(([path, value]) => [
      "--plaintext",
      `ollama-mesh:${path}=${value}`,
    ]);
    await this.#aside(env, ["config", "set-all", "--stack", this.#name, "--path", ...pairs]);
  }

  /** Pulumi's locks of runs that were killed, or ended by a reboot: it would refuse every run after them. */
  async #takeLocksOfTheDead() {
    const folder = join(this.#state, ".pulumi", "locks");
    const there = /** @type {const} */ ({ recursive: true, withFileTypes: true });
    for (const entry of await readdir(folder, there).catch(() => [])) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const { pid, hostname: host } = await readFile(file, "utf8")
        .then(JSON.parse)
        .catch(() => ({}));
      if (host === hostname() && !alive(pid)) await rm(file, { force: true });
    }
  }

  /** The port that an earlier run was told to use. */
  async rememberedPort() {
    return (await readFile(this.#port, "utf8").catch(() => "")).trim() || undefined;
  }

  /** @param {string} port */
  async rememberPort(port) {
    await writeFile(this.#port, port);
  }

  /**
   * A setting of this run; nothing when it is not set.
   *
   * @param {NodeJS.ProcessEnv} env
   * @param {string} path
   * @returns {Promise<string | undefined>}
   */
  async setting(env, path) {
    const get = ["config", "get", "--stack", this.#name, "--path", `ollama-mesh:${path}`];
    return (await this.#aside(env, get).catch(() => "")).trim() || undefined;
  }

  /**
   * The stack's outputs.
   *
   * @param {NodeJS.ProcessEnv} env
   * @returns {Promise<Record<string, unknown>>}
   */
  async outputs(env) {
    return JSON.parse(await this.#aside(env, ["stack", "output", "--stack", this.#name, "--json"]));
  }

  /**
   * Brings the mesh up, with pulumi's own words on the screen.
   *
   * @param {NodeJS.ProcessEnv} env
   */
  async up(env) {
    // --refresh: containers that were removed by hand, or by a new engine, come back.
    const options = ["--yes", "--skip-preview", "--refresh", "--suppress-outputs"];
    await this.#inSight("Bring the mesh up", env, ["up", ...options]);
  }

  /**
   * Removes the mesh, the stack and its state.
   *
   * @param {NodeJS.ProcessEnv} env
   */
  async destroy(env) {
    await this.#inSight("Take the mesh down", env, ["destroy", "--yes", "--skip-preview"]);
    await this.#aside(env, ["stack", "rm", "--yes", "--stack", this.#name]);
  }

  /** Forgets state, passphrase and config; leaves what else may be in the folder. */
  async forget() {
    const own = [this.#state, this.#passphrase, this.#config, this.#project, this.#port];
    for (const path of own) await rm(path, { recursive: true, force: true });
    await rmdir(this.#folder).catch(() => {});
  }

  /**
   * Runs pulumi where only the stack's own project files lie.
   *
   * @param {NodeJS.ProcessEnv} env
   * @param {string[]} args
   */
  #aside(env, args) {
    return run("pulumi", ["--cwd", this.#folder, "--non-interactive", ...args], { env });
  }

  /**
   * Runs pulumi on the program, visibly.
   *
   * @param {string} title
   * @param {NodeJS.ProcessEnv} env
   * @param {string[]} args
   */
  async #inSight(title, env, args) {
    console.error(`> ${title}`); // no `step`: its heartbeat would be drawn into pulumi's own progress
    const which = ["--stack", this.#name, "--config-file", this.#config];
    await runInterruptibly([...args, ...which, "--suppress-permalink=true"], env);
  }
}

/**
 * Runs pulumi in the program's folder with its output on the screen. A Ctrl-C reaches it once, so that it ends
 * what it has begun (a second one makes it stop at once): it is kept out of our process group, which the
 * terminal would signal as well.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<void>}
 * @throws {Error} when it was interrupted, or ended with another code than 0
 */
function runInterruptibly(args, env) {
  return new Promise((resolve, reject) => {
    const pulumi = spawn("pulumi", args, {
      cwd: PROGRAM,
      env,
      detached: true,
      stdio: ["ignore", "inherit", "inherit"],
    });
    let interrupted = false;
    const interrupt = () => {
      interrupted = true;
      pulumi.kill("SIGINT");
    };
    process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
    pulumi.on("error", reject);
    pulumi.on("close", (code, signal) => {
      process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
      if (code === 0) return resolve();
      if (interrupted) return reject(new Error("Stopped. Run it again to go on from here."));
      reject(new Error(`pulumi ${args[0]} ended with ${signal ?? `code ${code}`}; see above.`));
    });
  });
}
