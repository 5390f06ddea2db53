import { expect, onTestFinished, test, vi } from "vitest";

import { run } from "../../../steps/run.ts";

test("a step that this version does not have is named, with the way out, as any refusal is", async () => {
  onTestFinished(() => void (process.exitCode = undefined));
  const printed = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  await run("nonsense" as "ready");
  expect(printed.mock.calls).toEqual([
    [
      "this version of ollama-mesh has no step nonsense, which the stack was made with; install that version again, or a later one\n",
    ],
  ]);
  expect(process.exitCode).toBe(1);
});
