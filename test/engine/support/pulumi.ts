// The pulumi command, and what its event log says was done.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What one pulumi command came to. */
export interface Ran {
  code: number | null;
  output: string;
  seconds: number;
  /** What the engine did, in the order in which it was done (a preview: would do): "update NAME". */
  changes: string[];
  /** Names of the resources whose operation failed. */
  failed: string[];
  /** The errors shown, the engine's own summing-up left out. */
  errors: string[];
}

/**
 * One pulumi command.
 *
 * @param where its working folder and environment, and a folder for its event log
 */
export async function pulumi(
  args: readonly string[],
  { cwd, env, folder }: { cwd: string; env: NodeJS.ProcessEnv; folder: string },
): Promise<Ran> {
  const log = join(folder, `events-${process.hrtime.bigint()}`);
  const logged = /^(up|preview|refresh|destroy)$/.test(args[0]!) ? ["--event-log", log] : [];
  const began = performance.now();
  const child = spawn("pulumi", ["--non-interactive", "--color=never", ...args, ...logged], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const seconds = (performance.now() - began) / 1000;
  const events = logged.length > 0 ? await readFile(log, "utf8").catch(() => "") : "";
  return { code, output, seconds, ...operations(events, args[0] === "preview") };
}

interface Operation {
  op: string;
  urn: string;
  type: string;
}

interface EngineEvent {
  resourcePreEvent?: { metadata: Operation };
  resOutputsEvent?: { metadata: Operation };
  resOpFailedEvent?: { metadata: Operation };
  diagnosticEvent?: { severity: string; message: string; urn?: string; ephemeral?: boolean };
}

/** What an event log of pulumi says was done, or in a preview would be. */
function operations(log: string, preview: boolean): Pick<Ran, "changes" | "failed" | "errors"> {
  const events = log.split("\n").flatMap((line) => (line ? [JSON.parse(line) as EngineEvent] : []));
  const named = (kind: "resourcePreEvent" | "resOutputsEvent" | "resOpFailedEvent") =>
    events.flatMap((event) => {
      const operation = event[kind]?.metadata;
      // Components are only names for what they consist of, which they share with some of it.
      const real = operation && !/^(ollama-mesh:index|pulumi:pulumi):/.test(operation.type);
      return real ? [`${operation.op} ${operation.urn.split("::").at(-1)}`] : [];
    });
  const done = named(preview ? "resourcePreEvent" : "resOutputsEvent");
  return {
    changes: done.filter((change) => !/^(same|read|refresh|replace) /.test(change)),
    failed: named("resOpFailedEvent").map((change) => change.split(" ")[1]!),
    errors: events.flatMap(({ diagnosticEvent: shown }) =>
      shown?.severity === "error" && shown.urn && !shown.ephemeral ? [shown.message] : [],
    ),
  };
}
