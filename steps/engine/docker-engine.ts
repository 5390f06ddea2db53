import { spawn } from "node:child_process";
import { StepError } from "../step-error.ts";
import { engineArgs } from "./engine-tls.ts";
import { sshEnvironment } from "./ssh.ts";
import { explainUnreachable } from "./unreachable.ts";

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
interface RunOptions {
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
      const ended = await runDocker([...engineArgs(endpoint), ...args], options);
      if (ended.code === 0) return ended.stdout;
      const unreachable = explainUnreachable(endpoint, ended.stderr);
      if (unreachable) throw new StepError(unreachable);
      throw new DockerError(args, ended.stderr, ended.code);
    },
  };
}

/** Variables that would send docker commands to another engine, or to theirs by another way. */
const DIVERTING = [
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_CERT_PATH",
  "DOCKER_TLS",
  "DOCKER_TLS_VERIFY",
  "DOCKER_API_VERSION",
];

/** The environment of docker commands: which engine they talk to, and how, is declared and nothing else. */
export function dockerEnvironment(): NodeJS.ProcessEnv {
  const all = Object.entries(process.env).filter(([name]) => !DIVERTING.includes(name));
  return sshEnvironment(Object.fromEntries(all));
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
