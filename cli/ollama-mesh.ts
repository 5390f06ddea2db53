#!/usr/bin/env node
import { parseArgs } from "node:util";
import { restart } from "../steps/nodes/restart.ts";
import { StepError } from "../steps/step-error.ts";
import { nodeInStack } from "./node-in-stack.ts";

const HELP = `Usage: ollama-mesh restart NODE [--drain-seconds N] [--stack STACK]

Takes a node out of traffic, restarts its container, and lets it in again when it answers with a token.
Other nodes serve on. Run it in the folder of the Pulumi program whose stack has the mesh.

  --drain-seconds N  for requests in flight to the node; default 10, since those of a stuck node never end
  --stack STACK      default the selected stack
`;

/** A stuck node's requests never end, a busy one's do: a few more seconds would cut the stuck ones no less. */
const DRAIN_SECONDS = 10;

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        "drain-seconds": { type: "string" },
        stack: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new StepError(`${(error as Error).message}\n\n${HELP}`);
  }
}

async function main(): Promise<void> {
  const { positionals, values } = readArguments();
  if (values.help) return void process.stdout.write(HELP);
  const [command, node, ...rest] = positionals;
  if (command !== "restart" || node === undefined || rest.length > 0) throw new StepError(HELP);
  const seconds = values["drain-seconds"];
  if (seconds !== undefined && !/^\d{1,5}$/.test(seconds)) {
    throw new StepError(`--drain-seconds must be a whole number of seconds, got "${seconds}"`);
  }
  const input = await nodeInStack(node, values.stack);
  const drainTimeoutSeconds = seconds === undefined ? DRAIN_SECONDS : Number(seconds);
  await restart({ ...input, admission: { ...input.admission, drainTimeoutSeconds } });
  process.stdout.write(`node ${node} is back in traffic\n`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof StepError)) throw error;
  process.stderr.write(`${error.message.trimEnd()}\n`);
  process.exitCode = 1;
}
