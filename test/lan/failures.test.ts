// What breaks in the middle of a change: the message names the host and the step, and the next up goes on.
import { beforeAll, expect, test } from "vitest";

import { until } from "../../toolchain/until.mjs";
import type { Ran } from "../engine/support/pulumi.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { lanStackOfFile } from "./support/lan.ts";

const { lan, stack } = lanStackOfFile(3);
beforeAll(async () => {
  if (!stack()) return;
  await configure("24h");
  await stack().up();
});

/** Another value rolls all nodes. */
const configure = (keepAlive: string) =>
  stack().configure(
    lan().config({
      nodes: [
        { name: "a", ...lan().on(2) },
        { name: "b", ...lan().on(3) },
      ],
      ollama: { keepAlive },
    }),
  );

const environment = async (n: number, node: string) =>
  lan().docker(n, "inspect", "--format", "{{json .Config.Env}}", `${stack().mesh}-${node}`);

/** A roll of both nodes, during which something happens once `a` is back: `b` on lan3 is not rolled yet. */
async function rollInterrupted(keepAlive: string, happens: () => Promise<unknown>): Promise<Ran> {
  await configure(keepAlive);
  const running = stack().tryUp();
  await until("a is rolled", async () => (await environment(2, "a")).includes(keepAlive), {
    seconds: 300,
  });
  await happens();
  return running;
}

async function nextUpConverges(keepAlive: string): Promise<void> {
  const ran = await stack().tryUp();
  expect(ran.code, ran.output).toBe(0);
  expect(await environment(3, "b")).toContain(keepAlive);
  expect((await stack().preview()).changes).toEqual([]);
}

test.each<[string, string, () => Promise<unknown>, () => Promise<unknown>, RegExp]>([
  [
    "sshd is killed",
    "23h",
    () => lan().inside(3, "pkill", "-x", "sshd"),
    () => lan().inside(3, "/usr/sbin/sshd"),
    /no sshd answers|broke off|ssh: connect to host|Connection closed/,
  ],
  [
    "the machine is switched off",
    "22h",
    () => lan().power(3, "kill"),
    () => lan().power(3, "start"),
    /does not answer|broke off|ssh: connect to host|not responding|Connection closed/,
  ],
  [
    "the Docker engine goes away",
    "21h",
    () => lan().inside(3, "engine", "off"),
    () => lan().inside(3, "engine", "on"),
    /no engine answers there|Cannot connect to the Docker daemon/,
  ],
])(
  "%s in the middle of a roll: the change stops there by name, and the next up goes on",
  async (_, keepAlive, breaks, mended, words) => {
    const ran = await rollInterrupted(keepAlive, breaks);
    figure("stopped after", inSeconds(ran.seconds));
    expect(ran.code).not.toBe(0);
    expect(ran.failed.join(" ")).toMatch(/-b(-\w+)?$/);
    expect(ran.errors.join("\n")).toMatch(/\blan3\b/);
    expect(ran.errors.join("\n")).toMatch(words);
    await mended();
    await until("lan3 is back", () => lan().docker(3, "version"), { seconds: 60 });
    await nextUpConverges(keepAlive);
  },
);
