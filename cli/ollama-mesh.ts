#!/usr/bin/env node
import { createRequire } from "node:module";
import { DockerError } from "../steps/engine/docker-engine.ts";
import { StepError } from "../steps/step-error.ts";
import { FAILED, MISUSED, readCommandLine, UsageError, type Command } from "./command.ts";
import { discover } from "./discover/discover.ts";
import { doctor } from "./doctor/doctor.ts";
import { restart } from "./restart.ts";
import { status } from "./status/status.ts";

const COMMANDS: Record<string, Command> = { discover, doctor, restart, status };

const HELP = `Usage: ollama-mesh COMMAND [OPTIONS]

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  .join("\n")}

ollama-mesh COMMAND --help says more. Exit codes: 0 done and all is well, 1 something is wrong, 2 not understood.
`;

/**
 * That this Node.js knows what the package is written in: npm only warns, and only where it installs.
 *
 * @throws StepError when it is too old
 */
function checkNode(): void {
  const { engines } = createRequire(import.meta.url)("ollama-mesh/package.json") as {
    engines: { node: string };
  };
  const oldest = engines.node.slice(">=".length);
  if (process.versions.node.localeCompare(oldest, "en", { numeric: true }) >= 0) return;
  throw new StepError(
    `ollama-mesh needs Node.js ${oldest} or newer, and the node on the PATH is ${process.version} (${process.execPath}); install a newer one, or put its folder first on the PATH`,
  );
}

async function main(): Promise<number> {
  checkNode();
  const line = readCommandLine(process.argv.slice(2), COMMANDS);
  const help = line ? line.given.values["help"] && line.command.help : HELP;
  if (help) {
    process.stdout.write(help);
    return 0;
  }
  return line!.command.run(line!.given);
}

/** What a user is told; undefined for a mistake of ours. */
function messageFor(error: unknown): string | undefined {
  if (error instanceof StepError) return error.message.trimEnd();
  if (!(error instanceof DockerError)) return undefined;
  return `${error.message.trimEnd()}; mend what Docker says, and try again`;
}

// Who reads it has seen enough, as head.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  process.exitCode = await main();
} catch (error) {
  const message = messageFor(error);
  if (message === undefined) throw error;
  process.stderr.write(`${message}\n`);
  process.exitCode = error instanceof UsageError ? MISUSED : FAILED;
}
