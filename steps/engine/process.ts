// Every process that a step starts is started here. By no library: each step is a node process of its own, and
// loading one (execa, nano-spawn) took 30 to 300 ms.
import { spawn } from "node:child_process";
import { on } from "node:events";
import type { Readable, Writable } from "node:stream";
import { withSharedSsh } from "./shared-ssh.ts";

/** Variables that would send docker commands to another engine, or to theirs by another way. */
const DIVERTING = [
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_CERT_PATH",
  "DOCKER_TLS",
  "DOCKER_TLS_VERIFY",
  "DOCKER_API_VERSION",
];

/**
 * The environment of every process of a step: which engine docker commands talk to, and how, is declared and
 * nothing else; and what programs say is English, because it is read (DockerError, unreachable.ts).
 */
export function processEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !DIVERTING.includes(name));
  return withSharedSsh({ ...Object.fromEntries(kept), LC_ALL: "C" });
}

/** How a process is started. */
export interface StartOptions {
  /** Given on its stdin, which ends then. Default: stdin stays open for whoever started it. */
  input?: string;
  /** Whether its stderr is kept for `ended`, or shown to the person who waits. Default "kept". */
  stderr?: "kept" | "shown";
  /** Seconds until it is killed; default never. */
  timeoutSeconds?: number;
  /** Gets every line of a kept stderr that is not empty, without the blanks around it, as it comes. */
  onLine?: (line: string) => void;
}

/** How a process ended. */
interface Ended {
  /** Exit code; null when it was killed. */
  code: number | null;
  /** All that it said there, if that was kept; after a time-out followed by "gave no answer in … s". */
  stderr: string;
}

/** A process that runs. */
export interface StartedProcess {
  /** Takes what is written without an error even from a process that has ended: `ended` says why it has. */
  readonly stdin: Writable;
  /** To be read to its end, or by `lines`: else the process stops when the pipe is full. */
  readonly stdout: Readable;
  /** Reads stdout line by line from now on; as text, so that it is the only way to read it then. */
  lines(): AsyncGenerator<string, void>;
  /**
   * Once it has ended and its stdout has been read.
   *
   * @throws Error with code ENOENT when there is no such program
   */
  readonly ended: Promise<Ended>;
  /** At once, whatever it does. */
  kill(): void;
}

/** Starts a program by argument list, without a shell, in `processEnvironment`. */
export function startProcess(
  program: string,
  args: readonly string[],
  { input, stderr: errors = "kept", timeoutSeconds, onLine }: StartOptions = {},
): StartedProcess {
  const child = spawn(program, args, {
    env: processEnvironment(),
    stdio: ["pipe", "pipe", errors === "kept" ? "pipe" : "inherit"],
  });
  const stdin = child.stdin!;
  const stdout = child.stdout!;
  const kill = () => void child.kill("SIGKILL");
  let stderr = "";
  const line = lineReader(onLine);
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
    line(chunk);
  });
  stdin.on("error", () => {});
  if (input !== undefined) stdin.end(input);
  const timer = timeoutSeconds && setTimeout(timedOut, timeoutSeconds * 1000);
  function timedOut() {
    stderr += `gave no answer in ${timeoutSeconds} s`;
    kill();
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ code, stderr }));
  }).finally(() => clearTimeout(timer));
  ended.catch(() => {}); // who reads its output first asks for this later
  return { stdin, stdout, lines: () => linesOf(stdout), ended, kill };
}

/** How a process is run to its end. */
export interface RunOptions {
  /** Given on its stdin; the only way for secrets, since arguments are visible in the engine's events. */
  input?: string;
  /** Seconds until it is killed; default never. */
  timeoutSeconds?: number;
  /** Gets every line of stdout and stderr that is not empty, without the blanks around it, as it comes. */
  onLine?: (line: string) => void;
}

/** How a process ended, and all that it said. */
export interface Outcome extends Ended {
  stdout: string;
}

/**
 * Runs a program to its end, by argument list, without a shell, in `processEnvironment`.
 *
 * @throws Error with code ENOENT when there is no such program
 */
export async function runProcess(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const started = startProcess(program, args, { input: "", ...options });
  let stdout = "";
  const line = lineReader(options.onLine);
  started.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
    line(chunk);
  });
  return { ...(await started.ended), stdout };
}

/** Chunks are taken from the pipe as they come, whether or not somebody waits for a line: else it would never close. */
function linesOf(stdout: Readable): AsyncGenerator<string, void> {
  return split(on(stdout.setEncoding("utf8"), "data", { close: ["close"] }));
}

async function* split(chunks: AsyncIterable<unknown[]>): AsyncGenerator<string, void> {
  let rest = "";
  for await (const [chunk] of chunks) {
    const lines = `${rest}${chunk as string}`.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest) yield rest;
}

/** Progress bars end their lines by a carriage return. */
function lineReader(onLine: RunOptions["onLine"]): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    if (!onLine) return;
    const lines = (rest + chunk).split(/[\r\n]+/);
    rest = lines.pop() ?? "";
    for (const text of lines) if (text.trim()) onLine(text.trim());
  };
}
