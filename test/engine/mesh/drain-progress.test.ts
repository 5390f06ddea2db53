// What the person who waits for a drain sees.
import { expect, test, vi } from "vitest";

import { RunningUp } from "../support/interrupted.ts";
import { labConfig, slowModel, stackOfFile } from "../support/lab.ts";
import { chat } from "../support/load.ts";

vi.setConfig({ testTimeout: 240_000 });

// The time-out in force is the one of the last up: a drain is told what its admission was.
const config = (roll: string) =>
  labConfig({
    nodes: [{ name: "a" }],
    ollama: { environment: { ROLL: roll } },
    rollout: { drainTimeoutSeconds: 12 },
  });
const lab = stackOfFile(() => config("0"), { up: true });

/** A stream that has begun, of more tokens than any test waits for. */
async function begunStream() {
  const slow = await slowModel(lab().url);
  let begin = () => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const outcome = chat({ url: lab().url, model: slow, tokens: 4000, onFirstByte: () => begin() });
  await Promise.race([begun, outcome]);
  return { outcome };
}

test("while it waits, up shows the requests left and the seconds left; after the time-out it says what was cut", async () => {
  const stream = await begunStream();
  await lab().configure(config("1"));
  const up = new RunningUp(lab());
  const shows = (pattern: RegExp) => async () => pattern.test(up.output);
  await up.reach("progress", shows(/node a: 1 request in flight, \d+ s left to finish/));
  expect(up.child.exitCode).toBeNull();
  await up.reach("the cut", shows(/node a: 1 in flight did not finish in 12 s and are cut/));
  expect(up.child.exitCode).toBeNull();
  expect(await up.over(), up.output).toBe(0);
  expect((await stream.outcome).failure?.when).toBe("in the stream");
});
