#!/usr/bin/env node
// Runs any command in the toolchain's environment.
import "./node/oldest-node.mjs";
import { spawn } from "node:child_process";
import { constants } from "node:os";

import { ensureToolchain } from "./ensure.mjs";

const USAGE = `usage: node toolchain/exec.mjs COMMAND [ARGUMENT...]

Runs COMMAND with Node, the Pulumi CLI and its plugins on PATH, putting in place first what is missing.
For example: node toolchain/exec.mjs pulumi preview --stack lab`;

const [command, ...args] = process.argv.slice(2);

if (!command || command === "--help" || command === "-h") {
  (command ? console.log : console.error)(USAGE);
  process.exit(command ? 0 : 2);
}

try {
  const env = await ensureToolchain();
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let child;
  // Before the command starts: it may be so quick that its user's signal comes at once.
  for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"])) {
    process.on(signal, () => child?.kill(signal));
  }
  // Ctrl-C in a terminal reaches the command by itself, and a second one would make Pulumi stop half-way.
  process.on("SIGINT", () => process.stdin.isTTY || child?.kill("SIGINT"));
  child = spawn(command, args, { env, stdio: "inherit" });
  child.on("error", (error) => {
    console.error(`cannot run ${command}: ${error.message}`);
    process.exitCode = 127;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
  });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
