// A Pulumi stack of the lab: state, passphrase and this machine's config, all below `.<stack>/` in the checkout.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { run } from "../toolchain/command.mjs";

/** The checkout, which is also the Pulumi program. */
const PROGRAM = dirname(import.meta.dirname);

/** @typedef {ReturnType<typeof labStack>} LabStack */

/**
 * One of the lab's stacks.
 *
 * @param {"lab" | "lan"} STACK its name; `Pulumi.<name>.yaml` is its committed config
 */
export function labStack(STACK) {
  const FOLDER = join(PROGRAM, `.${STACK}`);
  const STATE = join(FOLDER, "state");
  const PASSPHRASE = join(FOLDER, "passphrase");
  const CONFIG = join(FOLDER, `Pulumi.${STACK}.yaml`);
  const PROJECT = join(FOLDER, "Pulumi.yaml");
  const PORT = join(FOLDER, "port");

  return {
    /** What the mesh of this stack is called: containers, networks and volumes bear it in name and label. */
    mesh: `ollama-mesh-${STACK}`,
    stackExists,
    stackEnvironment,
    configure,
    rememberedPort,
    rememberPort,
    setting,
    outputs,
    up,
    destroy,
    forgetStack,
  };

  /** Whether there is anything that `up` made and `down` did not remove. */
  function stackExists() {
    return existsSync(STATE);
  }

  /**
   * The environment in which pulumi finds the stack, which is made now when it is not there.
   *
   * @param {NodeJS.ProcessEnv} toolchain
   * @returns {Promise<NodeJS.ProcessEnv>}
   */
  async function stackEnvironment(toolchain) {
    await mkdir(STATE, { recursive: true });
    // Without files of metadata: a kill while one is written leaves a state that nobody can read.
    const url = `file://${STATE}?metadata=skip`;
    /** @type {NodeJS.ProcessEnv} */
    const env = { ...toolchain, PULUMI_BACKEND_URL: url };
    if (!env.PULUMI_CONFIG_PASSPHRASE && !env.PULUMI_CONFIG_PASSPHRASE_FILE) {
      if (!existsSync(PASSPHRASE)) {
        await writeFile(PASSPHRASE, randomBytes(24).toString("base64url"), { mode: 0o600 });
      }
      env.PULUMI_CONFIG_PASSPHRASE_FILE = PASSPHRASE;
    }
    // `stack init` writes its salt into the project's config file, which must not be the committed one.
    await copyFile(join(PROGRAM, "Pulumi.yaml"), PROJECT);
    const stacks = JSON.parse(await aside(env, ["stack", "ls", "--json"]));
    if (stacks.length === 0) await aside(env, ["stack", "init", STACK]);
    return env;
  }

  /**
   * Writes the config of this run: the committed one, with what holds on this machine only.
   *
   * @param {NodeJS.ProcessEnv} env
   * @param {Record<string, string>} values by path, such as `balancer.image`
   */
  async function configure(env, values) {
    const committed = await readFile(join(PROGRAM, `Pulumi.${STACK}.yaml`), "utf8");
    const before = await readFile(CONFIG, "utf8").catch(() => "");
    const salt = /^encryptionsalt: .*$/m.exec(before)?.[0] ?? "";
    await writeFile(CONFIG, `${committed.trimEnd()}\n${salt}\n`);
    const pairs = Object.entries(values).flatMap(([path, value]) => [
      "--plaintext",
      `ollama-mesh:${path}=${value}`,
    ]);
    await aside(env, ["config", "set-all", "--stack", STACK, "--path", ...pairs]);
  }

  /** The port that an earlier run was told to use. */
  async function rememberedPort() {
    return (await readFile(PORT, "utf8").catch(() => "")).trim() || undefined;
  }

  /** @param {string} port */
  async function rememberPort(port) {
    await writeFile(PORT, port);
  }

  /**
   * A setting of this run; nothing when it is not set.
   *
   * @param {NodeJS.ProcessEnv} env
   * @param {string} path
   * @returns {Promise<string | undefined>}
   */
  async function setting(env, path) {
    const get = ["config", "get", "--stack", STACK, "--path", `ollama-mesh:${path}`];
    return (await aside(env, get).catch(() => "")).trim() || undefined;
  }

  /**
   * The stack's outputs.
   *
   * @param {NodeJS.ProcessEnv} env
   * @returns {Promise<Record<string, unknown>>}
   */
  async function outputs(env) {
    return JSON.parse(await aside(env, ["stack", "output", "--stack", STACK, "--json"]));
  }

  /**
   * Brings the mesh up, with pulumi's own words on the screen.
   *
   * @param {NodeJS.ProcessEnv} env
   */
  async function up(env) {
    // --refresh: containers that were removed by hand, or by a new engine, come back.
    await inSight("Bring the mesh up", env, [
      "up",
      "--yes",
      "--skip-preview",
      "--refresh",
      "--suppress-outputs",
    ]);
  }

  /**
   * Removes the mesh, the stack and its state.
   *
   * @param {NodeJS.ProcessEnv} env
   */
  async function destroy(env) {
    await inSight("Take the mesh down", env, ["destroy", "--yes", "--skip-preview"]);
    await aside(env, ["stack", "rm", "--yes", "--stack", STACK]);
  }

  /** Forgets state, passphrase and config; leaves what else may be in the folder. */
  async function forgetStack() {
    for (const path of [STATE, PASSPHRASE, CONFIG, PROJECT, PORT]) {
      await rm(path, { recursive: true, force: true });
    }
    await rmdir(FOLDER).catch(() => {});
  }

  /**
   * Runs pulumi where only the stack's own project files lie.
   *
   * @param {NodeJS.ProcessEnv} env
   * @param {string[]} args
   */
  function aside(env, args) {
    return run("pulumi", ["--cwd", FOLDER, "--non-interactive", ...args], { env });
  }

  /**
   * Runs pulumi on the program, visibly. A Ctrl-C reaches it once, so that it ends what it has begun
   * (a second one makes it stop at once): it is kept out of our process group, which the terminal
   * would signal as well.
   *
   * @param {string} title
   * @param {NodeJS.ProcessEnv} env
   * @param {string[]} args
   * @returns {Promise<void>}
   */
  function inSight(title, env, args) {
    const common = ["--stack", STACK, "--config-file", CONFIG, "--suppress-permalink=true"];
    console.error(`> ${title}`); // no `step`: its heartbeat would be drawn into pulumi's own progress
    return new Promise((resolve, reject) => {
      const pulumi = spawn("pulumi", [...args, ...common], {
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
}
