import { spawnSync } from "node:child_process";
import { COMMAND_SECONDS } from "../limits.ts";
import { StepError } from "../step-error.ts";
import { engineArgs } from "./engine-tls.ts";
import {
  processEnvironment,
  runProcess,
  startProcess,
  type RunOptions,
  type StartedProcess,
  type StartOptions,
} from "./process.ts";
import { explainUnreachable } from "./unreachable.ts";

/** A docker command ended with another code than 0. What docker says is read here and nowhere else. */
export class DockerError extends Error {
  /** All that was said: by docker, or of `docker exec` and `docker run` by the program inside. */
  readonly stderr: string;
  /** That code; of `docker exec` the one of the program inside. */
  readonly code: number | null;

  constructor(args: readonly string[], stderr: string, code: number | null = null) {
    super(`docker ${args[0]}: ${stderr.trim() || "failed without a word"}`);
    this.name = "DockerError";
    this.stderr = stderr;
    this.code = code;
  }

  /** There is no such container, image, network or volume. */
  get isNotFound(): boolean {
    return NOT_FOUND.test(this.stderr);
  }

  /** A port that it was to publish is taken, by a container or by another program. */
  get isPortInUse(): boolean {
    return /in use|already allocated/i.test(this.stderr);
  }

  /** The address on which it was to publish is not one of the host. */
  get isAddressUnknown(): boolean {
    return /cannot assign requested address/i.test(this.stderr);
  }

  /** The registry has no such image, or not for this user: it does not say which of the two. */
  get isRefusedByRegistry(): boolean {
    return /manifest unknown|not found|does not exist|access denied|unauthorized/i.test(
      this.lastWords,
    );
  }

  /** The docker command, or the engine, is too old for an option of the command. */
  get isUnknownOption(): boolean {
    return /unknown flag: |requires API version/.test(this.stderr);
  }

  /** The disk of the host is full. */
  get isDiskFull(): boolean {
    return /no space left/i.test(this.lastWords);
  }

  /** The last line of what was said: the reason stands at the end. */
  get lastWords(): string {
    return this.stderr.trim().split("\n").at(-1) ?? "";
  }
}

/** As the engine says it, or the docker command ("Error: No such container"); a program inside may say the like. */
const NOT_FOUND =
  /^(docker: )?error( response from daemon)?: (.*no such (container|image|network|object|volume)\b|network \S+ not found)/im;

/** A Docker engine, driven by the docker command: so the user's own ssh keys, agent and registry logins apply. */
export interface DockerEngine {
  readonly endpoint: string;
  /**
   * Runs one docker command and returns its stdout.
   *
   * @param options default time-out 120 s
   * @throws DockerError, or StepError when the engine cannot be reached
   */
  docker(args: readonly string[], options?: RunOptions): Promise<string>;
  /**
   * Starts one docker command, for those that are written to or read from while they run. How it ended, and
   * whether that is an error, is the caller's to say.
   *
   * @throws StepError as `ended` when there is no docker command
   */
  start(args: readonly string[], options?: StartOptions): StartedProcess;
}

/** The engine at an endpoint. Nothing is asked of it yet; what each of its methods throws stands with it. */
export function dockerEngine(endpoint: string): DockerEngine {
  const all = (args: readonly string[]) => [...engineArgs(endpoint), ...args];
  return {
    endpoint,
    async docker(args, options = {}) {
      const limits = { timeoutSeconds: COMMAND_SECONDS, ...options };
      const ended = await runProcess("docker", all(args), limits).catch(withoutDocker);
      if (ended.code === 0) return ended.stdout;
      const unreachable = explainUnreachable(endpoint, ended.stderr);
      if (unreachable) throw new StepError(unreachable);
      throw new DockerError(args, ended.stderr, ended.code);
    },
    start(args, options) {
      const started = startProcess("docker", all(args), options);
      const ended = started.ended.catch(withoutDocker);
      ended.catch(() => {}); // as of the process itself
      return { ...started, ended };
    },
  };
}

function withoutDocker(error: NodeJS.ErrnoException): never {
  if (error.code !== "ENOENT") throw error;
  throw new StepError(
    "the docker command is not on this machine; install the Docker CLI (Debian: apt-get install docker.io)",
  );
}

/**
 * Runs one docker command while nothing else of this process runs: for what a program must know before it goes on.
 *
 * @param seconds after which it is given up
 * @throws DockerError, also when there is no docker command or no answer
 */
export function dockerSync(endpoint: string, args: readonly string[], seconds: number): string {
  const { status, stdout, stderr } = spawnSync("docker", [...engineArgs(endpoint), ...args], {
    encoding: "utf8",
    timeout: seconds * 1000,
    // Node's own limit is 1 MiB, and the state of hundreds of nodes is more.
    maxBuffer: Infinity,
    killSignal: "SIGKILL",
    env: processEnvironment(),
  });
  if (status !== 0) throw new DockerError(args, stderr ?? "", status);
  return stdout;
}
