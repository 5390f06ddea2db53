// pulumi up is killed at every boundary of its steps: the next one converges. Five minutes, so only by name.
import { expect, test } from "vitest";

import { RunningUp } from "../engine/support/interrupted.ts";
import { model, stackOfFile } from "../engine/support/lab.ts";
import { failures, startLoad } from "../engine/support/load.ts";
import { requireConverged, rollOfPair } from "../engine/support/roll.ts";

const lab = stackOfFile(() => rollOfPair("0"), { up: true });

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
      await lab().configure(rollOfPair(roll));
      const up = new RunningUp(lab());
      let last: string | undefined;
      await up.reach(`boundary ${boundary}`, async () => {
        last = (await up.steps())[boundary - 1];
        return last !== undefined;
      });
      await up.kill();
      // The one command that pulumi itself names when a killed one has left its lock.
      await lab().cancel();
      await requireConverged(lab(), roll);
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
