// pulumi up is killed at every boundary of its steps, and interrupted: the next one converges.
import { expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { story } from "../../support/report/story.ts";
import { RunningUp } from "../support/interrupted.ts";
import { model, stackOfFile } from "../support/lab.ts";
import { failures, startLoad } from "../support/load.ts";
import { environmentOf, requireServing, rollConfig, withEnvironment } from "../support/roll.ts";

// Some fifteen times killed and mended: minutes on a quiet machine.
vi.setConfig({ testTimeout: 1_800_000 });

const PAIR = [{ name: "a" }, { name: "b" }];
const pair = (roll: string) =>
  rollConfig([withEnvironment(PAIR[0]!, { ROLL: roll }), PAIR[1]!], {});

story();

const lab = stackOfFile(() => pair("0"), { up: false });

/** The one command that pulumi itself names when a killed one has left its lock. */
const cancel = () => lab().cancel();

async function converges(roll: string): Promise<void> {
  const ran = await lab().tryUp();
  expect(ran.code, ran.output).toBe(0);
  expect(await environmentOf(lab().mesh, "ROLL")).toEqual({ a: roll, b: undefined });
  await requireServing(lab(), "a", "b");
}

const there = (kind: string, name: string) => () =>
  run("docker", [kind, "inspect", `${lab().mesh}-${name}`]).then(
    () => true,
    () => false,
  );

test.each([
  ["network", "network"],
  ["container", "balancer"],
  ["container", "a"],
])(
  "the first up killed right after Docker made the %s %s, before it is in the state",
  async (kind, name) => {
    const up = new RunningUp(lab());
    await up.reach(`${kind} ${name}`, there(kind, name));
    await up.kill();
    await cancel();
  },
);

test("the next up converges", () => converges("0"));

test("killed at each boundary of a node's replacement, the next up converges each time, and clients notice nothing", async () => {
  const running = startLoad({
    url: lab().url,
    model: model(),
    tokens: 4,
    atATime: 1,
    perSecond: 4,
  });
  const reached = new Set<string>();
  try {
    for (let boundary = 1; ; boundary++) {
      const roll = String(boundary);
      await lab().configure(pair(roll));
      const up = new RunningUp(lab());
      let last: string | undefined;
      await up.reach(`boundary ${boundary}`, async () => {
        last = (await up.steps())[boundary - 1];
        return last !== undefined;
      });
      await up.kill();
      await cancel();
      await converges(roll);
      if (last === undefined) break; // it had ended before
      reached.add(last.replace(lab().mesh, "M"));
    }
  } finally {
    running.stop();
  }
  expect([...reached]).toEqual(
    expect.arrayContaining([
      "begin delete-replaced M-a-admission",
      "end delete-replaced M-a-admission",
      "begin delete-replaced M-a",
      "end delete-replaced M-a",
      "begin create-replacement M-a",
      "end create-replacement M-a",
      "begin create-replacement M-a-ready",
      "begin create-replacement M-a-admission",
    ]),
  );
  expect((await lab().preview()).changes).toEqual([]);
  expect(failures(await running.done)).toEqual([]);
});

test("killed right after Docker made a node's new container", async () => {
  await lab().configure(pair("again"));
  const before = (
    await run("docker", ["inspect", "--format", "{{.Id}}", `${lab().mesh}-a`])
  ).trim();
  const up = new RunningUp(lab());
  await up.reach("another container", async () => {
    const id = await run("docker", ["inspect", "--format", "{{.Id}}", `${lab().mesh}-a`]).catch(
      () => before,
    );
    return id.trim() !== before;
  });
  await up.kill();
  await cancel();
  await converges("again");
});

test("interrupted by Ctrl-C it ends in order, leaves no lock, and the next up converges", async () => {
  await lab().configure(pair("interrupted"));
  const up = new RunningUp(lab());
  await up.reach("the drain", async () =>
    (await up.steps()).some((step) => /begin delete-replaced .*-admission/.test(step)),
  );
  expect(await up.interrupt()).not.toBe(0);
  await converges("interrupted");
});
