// Two changes of one mesh at the same time.
import { expect, test, vi } from "vitest";

import { RunningUp } from "../support/interrupted.ts";
import { environmentOf, requireServing, rollConfig } from "../support/roll.ts";
import { stackOfFile } from "../support/lab.ts";

vi.setConfig({ testTimeout: 600_000 });

const PAIR = [{ name: "a" }, { name: "b" }];
const lab = stackOfFile(() => rollConfig(PAIR), { up: true });

test("a second up of the stack is refused at once, and the first goes on", async () => {
  await lab().configure(rollConfig(PAIR, { ROLL: "1" }));
  const first = new RunningUp(lab());
  await first.reach("its first step", async () => (await first.steps()).length > 0);
  const second = await lab().tryUp();
  expect(second.code).not.toBe(0);
  expect(second.output).toContain("the stack is currently locked by 1 lock(s)");
  expect(second.changes).toEqual([]);
  expect(await first.over(), first.output).toBe(0);
  expect(await environmentOf(lab().mesh, "ROLL")).toEqual({ a: "1", b: "1" });
  await requireServing(lab(), "a", "b");
});
