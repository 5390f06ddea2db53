import { Readable } from "node:stream";

import { expect, onTestFinished, test, vi } from "vitest";

import { run } from "../../../steps/run.ts";
import { standInDocker } from "../../support/stand-in-docker.ts";

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

test("what Docker refuses is shown as a sentence, whether or not a step foresaw it", async () => {
  onTestFinished(() => void (process.exitCode = undefined));
  standInDocker("echo 'Error response from daemon: something odd' >&2; exit 1");
  const printed = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const place = { endpoint: "unix:///run/x.sock", container: "b", volume: "v", network: "n" };
  const input = JSON.stringify({ balancer: place, node: "a", drainTimeoutSeconds: 1 });
  vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([input]) as typeof process.stdin);
  await run("drain");
  expect(printed.mock.calls).toEqual([
    [
      "docker container: Error response from daemon: something odd; mend what Docker says, and run pulumi up again\n",
    ],
  ]);
  expect(process.exitCode).toBe(1);
});
