// Runs other programs: by argument list, never through a shell, with what they said in the error.
import { spawn } from "node:child_process";

/** How much of a failed program's output goes into the error. */
const LINES_IN_ERROR = 20;

/** The program could not be started or ended with another code than 0. */
export class CommandError extends Error {
  /**
   * @param {string} message
   * @param {number | null} code exit code; null when it could not start or was killed
   * @param {string} output stdout and stderr together
   */
  constructor(message, code, output) {
    super(message);
    this.name = "CommandError";
    this.code = code;
    this.output = output;
  }
}

/**
 * Runs a program to its end and returns its stdout.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, input?: string | Uint8Array, inherit?: boolean, onLine?: (line: string) => void}} [options]
 *   `inherit` shows the output as it comes instead of keeping it; `onLine` gets each line of either stream.
 * @returns {Promise<string>}
 * @throws {CommandError}
 */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const out = options.inherit ? "inherit" : "pipe";
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? "ignore" : "pipe", out, out],
    });
    let stdout = "";
    let both = "";
    let rest = "";
    /** @param {string} chunk */
    const seen = (chunk) => {
      both += chunk;
      if (!options.onLine) return;
      const lines = (rest + chunk).split(/[\r\n]+/);
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim()) options.onLine(line);
    };
    child.stdout?.setEncoding("utf8").on("data", (chunk) => {
      stdout += chunk;
      seen(chunk);
    });
    child.stderr?.setEncoding("utf8").on("data", seen);
    child.stdin?.on("error", () => {}); // a program may end without reading all of its input
    child.stdin?.end(options.input);
    child.on("error", (error) =>
      reject(new CommandError(`cannot run ${program}: ${error.message}`, null, "")),
    );
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(stdout);
      const last = both.trimEnd().split("\n").slice(-LINES_IN_ERROR).join("\n");
      const words = [program, ...args].join(" ").slice(0, 200);
      const ended = signal ? `was ended by ${signal}` : `ended with code ${code}`;
      reject(new CommandError(`${words} ${ended}\n${last}`, code, both));
    });
  });
}
