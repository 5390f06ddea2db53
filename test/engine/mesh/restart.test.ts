// One command for a node that is stuck.
import { expect, test, vi } from "vitest";

import { run, type CommandError } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { containers } from "../support/containers.ts";
import { model, stackOfFile } from "../support/lab.ts";
import { startLoad } from "../support/load.ts";
import { requireServing, rollConfig } from "../support/roll.ts";
import { CHECKOUT } from "../support/stack.ts";

vi.setConfig({ testTimeout: 240_000 });

const VLLM = { name: "vllm", managed: false, address: "127.0.0.1", port: 9, maintenance: true };
const nodes = [{ name: "a" }, { name: "b" }, { name: "c" }, VLLM];
const lab = stackOfFile(() => rollConfig(nodes), { up: true });

const command = (...args: string[]) =>
  run("node", ["dist/cli/ollama-mesh.js", ...args, "--stack", lab().name], {
    cwd: CHECKOUT,
    env: lab().env,
  });
const refusal = (...args: string[]) =>
  command(...args).then(
    () => "it was accepted",
    (error: CommandError) => error.output,
  );

test("a stuck node is taken out, restarted and let in again, and no request that had no answer yet is lost", async () => {
  const before = await containers(lab().mesh);
  const running = startLoad({
    url: lab().url,
    model: model(),
    tokens: 8,
    atATime: 4,
    perSecond: 8,
  });
  const more = (count: number) => {
    const target = running.soFar.length + count;
    return until("more answers", async () => running.soFar.length >= target, { seconds: 60 });
  };
  try {
    await more(8);
    await run("docker", ["pause", `${lab().mesh}-b`]); // connects, and never says a word
    await command("restart", "b", "--drain-seconds", "2");
    await more(8);
  } finally {
    running.stop();
  }
  const lost = (await running.done).filter(
    ({ failure }) => failure?.when === "before the first byte",
  );
  expect(lost).toEqual([]);
  const after = await containers(lab().mesh);
  expect(after["b"]).toMatchObject({ id: before["b"]!.id, running: true });
  expect(after["b"]!.startedAt).not.toBe(before["b"]!.startedAt);
  const { b: _old, ...others } = before;
  expect(after).toMatchObject(others);
  await requireServing(lab(), "a", "b", "c");
  expect((await lab().preview()).changes).toEqual([]);
});

test("a node that the stack has not, or does not run, is refused by name", async () => {
  expect(await refusal("restart", "d")).toContain("the stack has no node d; it has a, b, c, vllm");
  expect(await refusal("restart", "vllm")).toContain("node vllm is not managed");
  expect(await refusal("restart", "a", "--drain-seconds", "soon")).toContain(
    '--drain-seconds must be a whole number of seconds, got "soon"',
  );
});

test("--help says what it does", async () => {
  expect(await command("--help")).toMatch(/^Usage: ollama-mesh restart NODE/);
});
