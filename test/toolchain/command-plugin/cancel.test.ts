// What a command that does not end by itself leaves behind: nothing. The official plugin ends the shell only, so
// these cases are of our own plugin.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { CommandProject } from "./command-project.ts";
import { pluginInPlace, requireOurs } from "../plugin-in-place.ts";

/** A shell with a child of its own and one that does not heed SIGTERM; both hold the command's output open. */
const TREE = `echo $$ >> $LOG; sleep 600 & (trap '' TERM; sleep 600) & wait`;

let project: CommandProject;

beforeEach(async () => {
  project = await CommandProject.create();
});
afterEach(async () => {
  await project.remove();
});

/** Process ids of a process group, those aside that have ended and wait for their parent. */
async function living(group: string): Promise<string[]> {
  const lines = (await run("ps", ["-A", "-o", "pgid=,pid=,stat="])).split("\n");
  return lines.flatMap((line) => {
    const [pgid, pid, state] = line.trim().split(/\s+/);
    return pgid === group && pid && !state?.startsWith("Z") ? [pid] : [];
  });
}

/** The process group of the command that TREE runs in, once all of it runs. */
async function runningGroup(): Promise<string> {
  return until(
    "process group of the command",
    async () => {
      const [group] = await project.ran();
      if (group) running = group;
      return (await living(running)).length >= 3 && running;
    },
    { seconds: 30 },
  );
}
let running = "";

// Each run of the engine takes seconds, and several of them where other tests run at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const plugin = await pluginInPlace("command");

describe("a command that has to be ended", () => {
  beforeEach((context) => requireOurs(plugin, context));

  it("is gone with all its processes after Ctrl-C, also those that ignore SIGTERM", async () => {
    const child = await project.start(
      { endless: { create: TREE } },
      "up",
      "--yes",
      "--skip-preview",
    );
    const finished = project.finish(child);
    const group = await runningGroup();
    const began = Date.now();
    child.kill("SIGINT");
    const outcome = await finished;
    expect(outcome.code).not.toBe(0);
    expect(outcome.output).toContain("signal: terminated: running ");
    expect(await living(group)).toEqual([]);
    expect(Date.now() - began).toBeLessThan(30_000);
    expect(await project.state()).toEqual({});
    expect((await project.up({ next: { create: "true" } })).code).toBe(0);
  });

  it("has time to clean up", async () => {
    const tidy = `trap 'echo cleaned up >> $LOG; exit 1' TERM; echo $$ >> $LOG; sleep 600 & sleep 600 & wait`;
    const child = await project.start({ tidy: { create: tidy } }, "up", "--yes", "--skip-preview");
    const finished = project.finish(child);
    const group = await runningGroup();
    child.kill("SIGINT");
    await finished;
    expect(await project.ran()).toEqual(["cleaned up"]);
    expect(await living(group)).toEqual([]);
  });

  it("is gone with all its processes when its time is up", async () => {
    const outcome = await project.up({
      late: { create: TREE, options: { customTimeouts: { create: "3s" } } },
    });
    expect(outcome.code).not.toBe(0);
    const [group = ""] = await project.ran();
    expect(group).toMatch(/^\d+$/);
    expect(await living(group)).toEqual([]);
  });

  it("does not hang on a process that left the group and holds the output open", async () => {
    const outcome = await project.up({
      fled: {
        create: "setsid sleep 600 & echo $! >> $LOG; wait",
        options: { customTimeouts: { create: "3s" } },
      },
    });
    const [fled = ""] = await project.ran();
    process.kill(Number(fled)); // it is still there, as no plugin can know of it
    expect(outcome.code).not.toBe(0);
  });

  it("is gone with all its processes when the CLI was killed", async () => {
    const child = await project.start(
      { endless: { create: TREE } },
      "up",
      "--yes",
      "--skip-preview",
    );
    const finished = project.finish(child);
    const group = await runningGroup();
    child.kill("SIGKILL");
    await finished;
    await until("end of the process group", async () => (await living(group)).length === 0, {
      seconds: 60,
    });
  });
});
