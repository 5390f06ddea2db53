import { spawn } from "node:child_process";
import { StepError } from "./step-error.ts";

/** A docker command ended with another code than 0. */
export class DockerError extends Error {
  readonly stderr: string;
  /** That code; of `docker exec` the one of the program inside. */
  readonly code: number | null;

  constructor(args: readonly string[], stderr: string, code: number | null = null) {
    super(`docker ${args[0]}: ${stderr.trim() || "failed without a word"}`);
    this.name = "DockerError";
    this.stderr = stderr;
    this.code = code;
  }
}

/** How a docker command is run. */
export interface RunOptions {
  /** Given on its stdin; the only way for secrets, since arguments are visible in the engine's events. */
  input?: string;
  /** Seconds until it is ended; default 120. */
  timeoutSeconds?: number;
  /** Gets every line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
}

/** A Docker engine, driven by the docker command: so the user's own ssh keys, agent and registry logins apply. */
export interface DockerEngine {
  readonly endpoint: string;
  /** Runs one docker command and returns its stdout. Throws DockerError, or StepError when the engine cannot be reached. */
  docker(args: readonly string[], options?: RunOptions): Promise<string>;
}

/** The engine at an endpoint. */
export function dockerEngine(endpoint: string): DockerEngine {
  return {
    endpoint,
    async docker(args, options = {}) {
      const ended = await runDocker(["-H", endpoint, ...args], options);
      if (ended.code === 0) return ended.stdout;
      const unreachable = explainUnreachable(endpoint, ended.stderr);
      if (unreachable) throw new StepError(unreachable);
      throw new DockerError(args, ended.stderr, ended.code);
    },
  };
}

/** The environment of docker commands: without the variables that would send them to another engine. */
export function dockerEnvironment(): NodeJS.ProcessEnv {
  const { DOCKER_HOST: _host, DOCKER_CONTEXT: _context, ...rest } = process.env;
  return rest;
}

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function runDocker(args: readonly string[], options: RunOptions): Promise<Ended> {
  const seconds = options.timeoutSeconds ?? 120;
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, {
      env: dockerEnvironment(),
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    const line = lineReader(options.onLine);
    child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
      line(chunk);
    });
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
      line(chunk);
    });
    child.stdin?.on("error", () => {}); // the command may end before it has read everything
    child.stdin?.end(options.input);
    const timer = setTimeout(() => {
      stderr += `gave no answer in ${seconds} s`;
      child.kill("SIGKILL");
    }, seconds * 1000);
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      if (error.code !== "ENOENT") return reject(error);
      reject(
        new StepError(
          "the docker command is not on this machine; install the Docker CLI (Debian: apt-get install docker.io)",
        ),
      );
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

function lineReader(onLine: RunOptions["onLine"]): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    if (!onLine) return;
    const lines = (rest + chunk).split(/[\r\n]+/);
    rest = lines.pop() ?? "";
    for (const text of lines) if (text.trim()) onLine(text.trim());
  };
}

/** Ways in which an engine is out of reach, each with its way out. */
const UNREACHABLE: readonly [RegExp, string][] = [
  [
    /permission denied.*(docker\.sock|daemon socket)/is,
    "this user may not use it; add the user to group docker there, or run as root",
  ],
  [
    /Host key verification failed/i,
    "its ssh host key is not known; check the key and accept it by running ssh to it once",
  ],
  [
    /Permission denied \(/i,
    "ssh refused the login; check user and key with ssh, and that the key works without a password prompt",
  ],
  [/Could not resolve hostname|no such host/i, "the host name is not known; correct `host`"],
  [
    /timed? ?out|gave no answer|No route to host|Network is unreachable/i,
    "the host does not answer; switch it on, or correct `host`",
  ],
  [
    /Cannot connect to the Docker daemon|connection refused|error during connect|failed to connect to the docker API|command not found/i,
    "no engine answers there; install or start Docker (systemctl start docker), or correct `host`",
  ],
];

/**
 * How docker, or the ssh that it starts, says that the engine was not reached. Nothing looser: what a
 * program in a container says ("dial tcp ...: connection refused") arrives on the same stderr.
 */
const NOT_REACHED =
  /^(docker: )?(Cannot connect to the Docker daemon|error during connect|(Got )?permission denied while trying to connect|failed to connect to the docker API|ssh: |Host key verification failed|\S+@\S+: Permission denied)|gave no answer in \d+ s$/im;

function explainUnreachable(endpoint: string, stderr: string): string | undefined {
  if (!NOT_REACHED.test(stderr)) return undefined;
  const last = stderr.trim().split("\n").at(-1)?.trim() ?? "";
  // The engine's words about ssh are long, and the reason stands at their end.
  const words = (/stderr=(.*)/.exec(last)?.[1] || last).slice(0, 300);
  const found = UNREACHABLE.find(([pattern]) => pattern.test(words));
  if (!found) return undefined;
  return `Docker engine ${endpoint}: ${found[1]}\n  docker says: ${words}`;
}
