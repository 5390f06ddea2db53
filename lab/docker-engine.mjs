// A Docker engine to run the lab on: the one that runs, or one that we start.
import { execFile, spawn } from "node:child_process";
import { existsSync, openSync, closeSync, readFileSync, realpathSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { cacheFolder, ensureCacheFolder } from "../toolchain/cache.mjs";
import { run } from "../toolchain/command.mjs";
import { startTime } from "../toolchain/lock.mjs";
import { step } from "../toolchain/progress.mjs";
import { GiveUp, until } from "../toolchain/until.mjs";
import { ensureAptPackages, isThere } from "./apt-packages.mjs";

const START_OR_END = { seconds: 60, everyMs: 200 };
const ANSWER_WITHIN_MS = 10_000;
const USUAL_SOCKET = "/var/run/docker.sock";

/** Which process is the engine that the lab started; kept until it is stopped. */
const startedFile = () => join(cacheFolder(), "docker-engine.json");

const logFile = () => join(cacheFolder(), "dockerd.log");

/**
 * Makes sure that a Docker engine answers: starts one, and installs it before that, when none does and
 * we are root.
 *
 * @throws {Error} saying what to do, when there is none and we cannot start one
 */
export async function ensureDockerEngine() {
  const problem = await engineProblem();
  if (problem === undefined) return;
  const elsewhere = process.env.DOCKER_HOST || process.env.DOCKER_CONTEXT;
  if (elsewhere) {
    throw new Error(
      `The Docker engine at ${elsewhere} does not answer: ${problem}\n` +
        "Start it, or unset DOCKER_HOST and DOCKER_CONTEXT to use the one of this machine.",
    );
  }
  if (process.getuid?.() !== 0) throw new Error(wayOutForUsers(problem));
  await ensureAptPackages("running containers", [{ has: "dockerd", apt: "docker.io" }]);
  // Newer Debian releases have the client in a package of its own.
  await ensureAptPackages("running containers", [{ has: "docker", apt: "docker-cli" }]);
  if ((await engineProblem()) === undefined) return; // its package starts it where systemd runs
  await step("Start a Docker engine, since none runs", startEngine);
}

/**
 * The engine of this machine that docker talks to, as a stack file names it, where it is not the one that a mesh takes by
 * itself: rootless Docker and Docker Desktop have other sockets.
 *
 * @returns {Promise<string | undefined>} nothing for the usual one, or one that is reached otherwise
 */
export async function engineElsewhere() {
  const inspect = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
  const endpoint = (await run("docker", inspect).catch(() => "")).trim();
  const [, socket] = /^unix:\/\/(.+)$/.exec(endpoint) ?? [];
  return socket === undefined || isSame(socket, USUAL_SOCKET) ? undefined : endpoint;
}

/** @param {string} one @param {string} other */
function isSame(one, other) {
  try {
    return one === other || realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

/**
 * Stops the engine that the lab started, unless containers run on it. Never touches another one.
 *
 * @returns {Promise<"not ours" | "in use" | "stopped">}
 */
export async function stopStartedEngine() {
  const pid = await startedPid();
  if (pid === undefined) return "not ours";
  const running = await run("docker", ["ps", "--quiet"]);
  if (running.trim() !== "") return "in use";
  await step("Stop the Docker engine that the lab had started", async () => {
    process.kill(pid, "SIGTERM");
    const what = `end of dockerd (process ${pid}; its log: ${logFile()})`;
    await until(what, async () => startTime(pid) === undefined, START_OR_END);
    await rm(startedFile(), { force: true });
  });
  return "stopped";
}

/** Why no engine answers; nothing when one does. */
async function engineProblem() {
  if (!isThere("docker")) return "the docker program is not installed";
  const ask = ["version", "--format", "{{.Server.Version}}"];
  try {
    // An engine that accepts and never answers would hang the client for ever.
    await promisify(execFile)("docker", ask, { timeout: ANSWER_WITHIN_MS });
    return undefined;
  } catch (error) {
    const { killed, stderr } = /** @type {import("node:child_process").ExecFileException} */ (
      error
    );
    if (killed) return `no answer within ${ANSWER_WITHIN_MS / 1000} s`;
    return stderr?.trim().split("\n").at(-1) || String(error);
  }
}

/** @param {string} problem */
function wayOutForUsers(problem) {
  if (!isThere("docker")) {
    return (
      "The lab needs Docker, and installing it needs root. Run this first, then log in anew:\n" +
      "  sudo apt-get update && sudo apt-get install docker.io && sudo usermod -aG docker $USER"
    );
  }
  if (/permission denied/i.test(problem)) {
    return (
      "This user may not use the Docker engine. Run this, then log in anew:\n" +
      "  sudo usermod -aG docker $USER"
    );
  }
  return (
    `No Docker engine answers: ${problem}\n` +
    "Start it and run this again:\n  sudo systemctl start docker   (without systemd: sudo dockerd)"
  );
}

/** @param {(text: string) => void} detail */
async function startEngine(detail) {
  if (existsSync("/run/systemd/system")) {
    await run("systemctl", ["start", "docker"]);
    return untilItAnswers(() => undefined);
  }
  await ensureCacheFolder();
  const log = openSync(logFile(), "w");
  const dockerd = spawn("dockerd", [], {
    detached: true, // goes on when the lab's command is over, or ended with Ctrl-C
    stdio: ["ignore", log, log],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  closeSync(log);
  dockerd.unref();
  /** @type {string | undefined} */
  let ended;
  dockerd.on("error", (error) => (ended = error.message));
  dockerd.on("exit", (code) => (ended = `it ended with code ${code}`));
  try {
    await untilItAnswers(() => ended);
  } catch (error) {
    if (!ended) dockerd.kill();
    const words = readFileSync(logFile(), "utf8").trimEnd().split("\n").slice(-10).join("\n");
    throw new Error(
      `${/** @type {Error} */ (error).message}. The end of ${logFile()}:\n${words}\n` +
        "Where engines may not be started (inside most containers), set DOCKER_HOST to one that runs.",
      { cause: error },
    );
  }
  const { pid } = dockerd;
  if (pid === undefined) return;
  await writeFile(startedFile(), JSON.stringify({ pid, started: startTime(pid) }));
  detail(`process ${pid}, log: ${logFile()}`);
}

/** @param {() => string | undefined} ended why it never will */
async function untilItAnswers(ended) {
  const answers = async () => {
    const problem = await engineProblem();
    if (problem === undefined) return true;
    const reason = ended();
    throw reason ? new GiveUp(`The Docker engine did not come up: ${reason}`) : new Error(problem);
  };
  await until("answer of the Docker engine", answers, START_OR_END);
}

/** The process id of the engine that the lab started, when that very process still runs. */
async function startedPid() {
  const text = await readFile(startedFile(), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { pid, started } = JSON.parse(text);
  return startTime(pid) === started ? Number(pid) : undefined;
}
