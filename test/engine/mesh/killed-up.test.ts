// pulumi up is killed where Docker has what the state has not, and interrupted: the next one converges. Killed at
// every boundary of its steps: test/interrupted.
import { expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { story } from "../../support/report/story.ts";
import { pluginInPlace, requireOurs } from "../../toolchain/plugin-in-place.ts";
import { RunningUp, isRunning } from "../support/interrupted.ts";
import { stackOfFile } from "../support/lab.ts";
import { requireConverged, rollOfPair } from "../support/roll.ts";

// Each is killed and mended: half a minute on a quiet machine.
vi.setConfig({ testTimeout: 300_000 });

story();

const lab = stackOfFile(() => rollOfPair("0"), { up: false });

/** The one command that pulumi itself names when a killed one has left its lock. */
const cancel = () => lab().cancel();

const converges = (roll: string) => requireConverged(lab(), roll);

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

test("killed right after Docker made a node's new container", async () => {
  await lab().configure(rollOfPair("again"));
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

test("killed, it leaves no plugin of ours behind", async (context) => {
  for (const name of ["command", "docker"] as const) {
    requireOurs(await pluginInPlace(name), context);
  }
  await lab().configure(rollOfPair("again"));
  await converges("again");
  await lab().configure(rollOfPair("orphans"));
  const up = new RunningUp(lab());
  await up.reach("the drain", async () =>
    (await up.steps()).some((step) => /begin delete-replaced .*-admission/.test(step)),
  );
  const plugins = await up.plugins();
  expect(plugins.length).toBeGreaterThan(1);
  await up.kill();
  await until("end of its plugins", async () => !plugins.some(isRunning), { seconds: 60 });
  await cancel();
  await converges("orphans");
});

test("interrupted by Ctrl-C it ends in order, leaves no lock, and the next up converges", async () => {
  await lab().configure(rollOfPair("interrupted"));
  const up = new RunningUp(lab());
  await up.reach("the drain", async () =>
    (await up.steps()).some((step) => /begin delete-replaced .*-admission/.test(step)),
  );
  expect(await up.interrupt()).not.toBe(0);
  await converges("interrupted");
});
