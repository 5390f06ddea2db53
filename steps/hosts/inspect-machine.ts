import { spawn } from "node:child_process";
import { hostname } from "node:os";
import { dockerEnvironment } from "../engine/docker-engine.ts";
import { parseEndpoint, sshDestination } from "../../config/net/engine-endpoint.ts";

/** A machine that needs longer would stall every later step. */
export const ANSWER_SECONDS = 15;

/** What the machine of an engine says of itself. */
export interface MachineInspection {
  freeGiB?: number;
  /** Files that show GPUs: devices and CDI specs; undefined where nobody could look. */
  files?: string[];
  /** Addresses with ports on which something listens. */
  listening: string[];
  /** Lines of `ip -4 route`. */
  routes: string[];
}

const NOTHING_SEEN: MachineInspection = { listening: [], routes: [] };

/** What only the machine itself can tell: by ssh, or here where the engine is this machine's own. */
export async function inspectMachine(
  endpoint: string,
  { name, root }: { name: string; root: string },
): Promise<MachineInspection> {
  const destination = sshDestination(endpoint);
  // A socket may also lead elsewhere: into a virtual machine (Docker Desktop), a container, another host.
  const local = parseEndpoint(endpoint)?.kind === "unix" && name === hostname();
  if (!destination && !local) return NOTHING_SEEN;
  const script = [
    `echo "free $(df -Pk '${root.replaceAll("'", "")}' 2>/dev/null | awk 'END { print $4 }')"`,
    'for file in /dev/kfd /dev/dri /dev/nvidiactl /etc/cdi/*nvidia* /var/run/cdi/*nvidia*; do [ -e "$file" ] && echo "file $file"; done',
    "ss -ltnH 2>/dev/null | awk '{ print \"port\", $4 }'",
    "ip -4 route 2>/dev/null | awk '{ print \"route\", $0 }'",
    "echo end",
  ].join("\n");
  const words = destination
    ? ["ssh", "-T", ...destination, "sh", "-s"]
    : (["sh", "-s"] as [string, ...string[]]);
  const out = await output(words, script);
  const lines = out.split("\n");
  // A login without a shell, or one that greets: nothing can be said then.
  if (!lines.includes("end")) return NOTHING_SEEN;
  const after = (word: string) =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  const free = Number(after("free")[0] || NaN) / 1024 ** 2;
  return {
    ...(Number.isFinite(free) ? { freeGiB: free } : {}),
    files: after("file"),
    listening: after("port"),
    routes: after("route"),
  };
}

/** All that a command says, on stdout and stderr; nothing when it cannot be run. */
export function output([program, ...args]: string[], input: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program!, args, {
      env: dockerEnvironment(),
      stdio: ["pipe", "pipe", "pipe"],
      timeout: ANSWER_SECONDS * 1000,
      killSignal: "SIGKILL",
    });
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (all += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (all += chunk));
    child.stdin.on("error", () => {}); // it may end before it has read everything
    child.stdin.end(input);
    child.on("error", () => resolve(""));
    child.on("close", () => resolve(all));
  });
}
