// A pulumi command that is ended while it runs.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "../../../toolchain/until.mjs";
import { CHECKOUT, type Stack } from "./stack.ts";

/** A `pulumi up` that runs, in a process group of its own, as in a terminal. */
export class RunningUp {
  readonly child: ChildProcess;
  output = "";
  private readonly log: string;
  private readonly ended: Promise<unknown>;

  constructor(stack: Stack) {
    this.log = join(tmpdir(), `${stack.mesh}-events-${randomBytes(4).toString("hex")}`);
    const args = ["--non-interactive", "--color=never", "up", "--yes", "--skip-preview"];
    const which = ["--stack", stack.name, "--config-file", stack.configFile];
    this.child = spawn("pulumi", [...args, ...which, "--event-log", this.log], {
      cwd: CHECKOUT,
      env: stack.env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => (this.output += chunk));
    }
    this.ended = once(this.child, "close");
  }

  /** What the engine began and finished of what it changes: "begin update NAME", "end update NAME". */
  async steps(): Promise<string[]> {
    const text = await readFile(this.log, "utf8").catch(() => "");
    return text.split("\n").flatMap((line) => {
      if (!line.endsWith("}")) return []; // being written
      const event = JSON.parse(line) as Record<string, { metadata?: Record<string, string> }>;
      return ["resourcePreEvent", "resOutputsEvent"].flatMap((kind) => {
        const { op, urn, type } = event[kind]?.metadata ?? {};
        if (!op || /^(same|read|refresh|replace)$/.test(op)) return [];
        if (type !== "command:local:Command" && !type?.startsWith("docker:")) return [];
        return [
          `${kind === "resourcePreEvent" ? "begin" : "end"} ${op} ${urn!.split("::").at(-1)}`,
        ];
      });
    });
  }

  /** Waits until it has come so far, or has ended. */
  async reach(what: string, seen: () => Promise<boolean>): Promise<void> {
    const over = async () => this.child.exitCode !== null || (await seen());
    await until(what, over, { seconds: 120 });
  }

  /** Kills it without warning, and nothing else. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.over();
  }

  /** Process ids of its plugins. */
  async plugins(): Promise<number[]> {
    const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const stats = ids.map((id) => readFile(`/proc/${id}/stat`, "utf8").catch(() => ""));
    return (await Promise.all(stats)).flatMap((stat) => {
      const [, id, command = "", parent] = /^(\d+) \((.*)\) \S (\d+)/.exec(stat) ?? [];
      const own = Number(parent) === this.child.pid && command.startsWith("pulumi-resource");
      return own ? [Number(id)] : [];
    });
  }

  /** Ctrl-C: every process of the group gets the signal. */
  async interrupt(): Promise<number | null> {
    process.kill(-this.child.pid!, "SIGINT");
    return this.over();
  }

  /** Its exit code, once it has ended. */
  async over(): Promise<number | null> {
    await this.ended;
    await rm(this.log, { force: true });
    return this.child.exitCode;
  }
}

/** Whether there is such a process. */
export const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);
