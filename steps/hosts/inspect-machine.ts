import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { sshDestination } from "../../config/net/engine-endpoint.ts";
import { runProcess } from "../engine/process.ts";
import { HOST_ANSWER_SECONDS } from "../limits.ts";

/** What the machine of an engine says of itself. */
export interface MachineInspection {
  freeGiB?: number;
  /** Files that show GPUs: devices and CDI specs; undefined where nobody could look. */
  files?: string[];
  /** Addresses with ports on which something listens. */
  listening: string[];
  /** Lines of `ip -4 route`. */
  routes: string[];
  /** Why containers there see every client at one address, as far as the machine knows; absent where they see the clients. */
  hidesClients?: string;
}

/** An engine, as far as it says where to look. */
export interface EngineMachine {
  /** Name of the machine that it runs on. */
  machine: string;
  /** Folder where it keeps volumes. */
  root: string;
}

const NOTHING_SEEN: MachineInspection = { listening: [], routes: [] };

const INSPECT = readFileSync(new URL("inspect-machine.sh", import.meta.url), "utf8");

/**
 * What only the machine itself can tell: by ssh, or here where the engine is this machine's own. Nothing where
 * nobody can log in. Never throws: that a machine tells nothing is no reason against it.
 */
export async function inspectMachine(
  endpoint: string,
  { machine, root }: EngineMachine,
): Promise<MachineInspection> {
  const words = shellOn(endpoint, machine);
  if (!words) return NOTHING_SEEN;
  const [program, ...args] = words;
  const input = `set -- ${quoted(root)}\n${INSPECT}`;
  const asked = { input, timeoutSeconds: HOST_ANSWER_SECONDS };
  const said = await runProcess(program, args, asked).catch(() => undefined); // no ssh on this machine
  return parseInspection(said?.stdout ?? "");
}

/** By which a shell on an engine's machine reads a program on its stdin; undefined where nobody can log in. */
export function shellOn(endpoint: string, machine: string): [string, ...string[]] | undefined {
  const destination = sshDestination(endpoint);
  if (destination) return ["ssh", "-T", ...destination, "sh", "-s"];
  // A socket may also lead elsewhere: into a virtual machine (Docker Desktop), a container, another host.
  return endpoint.startsWith("unix:") && machine === hostname() ? ["sh", "-s"] : undefined;
}

/** One word for a shell, whatever is in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** What inspect-machine.sh printed; nothing where a login without a shell, or one that greets, has talked. */
export function parseInspection(text: string): MachineInspection {
  const lines = text.split("\n");
  if (!lines.includes("end")) return NOTHING_SEEN;
  const after = (word: string) =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  const freeGiB = Number(after("free")[0] || NaN) / 1024 ** 2;
  return {
    ...(Number.isFinite(freeGiB) ? { freeGiB } : {}),
    files: after("file"),
    listening: after("port"),
    routes: after("route"),
    ...(after("engine").includes("without-iptables")
      ? { hidesClients: "makes no rules of its own (iptables: false)" }
      : {}),
  };
}
