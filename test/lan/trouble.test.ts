// Machines that fail while nobody changes anything: all comes back by itself, and clients see what cannot be helped.
import { setTimeout as pause } from "node:timers/promises";

import { beforeAll, expect, test } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import { model, slowModel } from "../engine/support/lab.ts";
import { chat, failures, load, type Outcome } from "../engine/support/load.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { lanStackOfFile } from "./support/lan.ts";
import { startClients } from "./support/under-load.ts";

const SECONDS_OF_TROUBLE = 15;

const { lan, stack } = lanStackOfFile(3);
beforeAll(async () => {
  if (!stack()) return;
  const nodes = [
    { name: "a", ...lan().on(2) },
    { name: "b", ...lan().on(3) },
  ];
  await stack().configure(lan().config({ nodes }));
  await stack().up();
});

/** How long the trouble is, and no wait for anything. */
const lasting = () => pause(SECONDS_OF_TROUBLE * 1000);
const cable = async (what: string, ...place: string[]) => {
  const { name } = lan().lan;
  await run("docker", ["network", what, ...place, name, lan().host(3).container]);
};
const startOfB = () =>
  lan().docker(3, "inspect", "--format", "{{.State.StartedAt}}", `${stack().mesh}-b`);
/** Nothing is left for an up to do, nor for somebody by hand. */
async function allAsDeclared(): Promise<void> {
  await stack().refresh();
  expect((await stack().preview()).changes).toEqual([]);
}

test.each<[string, () => Promise<unknown>, () => Promise<unknown>, "starts anew"?]>([
  [
    "its Docker engine is restarted",
    () => lan().inside(3, "engine", "restart"),
    async () => {},
    "starts anew",
  ],
  ["it is rebooted", () => lan().power(3, "kill"), () => lan().power(3, "start"), "starts anew"],
  [
    `it has no power for ${SECONDS_OF_TROUBLE} s`,
    async () => {
      await lan().power(3, "kill");
      await lasting();
    },
    () => lan().power(3, "start"),
    "starts anew",
  ],
  [
    `its network is cut for ${SECONDS_OF_TROUBLE} s`,
    async () => {
      await cable("disconnect", "--force");
      await lasting();
    },
    () => cable("connect", "--ip", lan().host(3).address),
  ],
])(
  "%s: no request fails but streams of that machine's node, and it comes back by itself",
  async (_, breaks, mended, startsAnew) => {
    const clients = await startClients(lan());
    const byB = (since: number) => (outcome: Outcome) =>
      outcome.node === "b" && outcome.began > since && !outcome.failure;
    let writing = "";
    const slow = await slowModel(lan().url);
    const streams = Array.from({ length: 4 }, () =>
      chat({ url: lan().url, model: slow, tokens: 120, onFirstByte: (node) => (writing += node) }),
    );
    let ended = Infinity;
    let again = Infinity;
    try {
      await until("stream of b", async () => writing.includes("b"), { seconds: 60 });
      const before = await startOfB();
      await breaks();
      await mended();
      ended = performance.now();
      const anew = async () => !startsAnew || (await startOfB()) !== before;
      await until("new start of b", anew, { seconds: 60 });
      again = performance.now();
      const answered = async () => clients.soFar.some(byB(again));
      await until("answer of b again", answered, { seconds: 120 });
    } finally {
      clients.stop();
    }
    const outcomes = [...(await clients.done), ...(await Promise.all(streams))];
    const back = outcomes.filter(byB(again)).map(({ firstByte }) => firstByte! - ended);
    const broken = outcomes.filter(({ failure }) => failure);
    figure("requests", `${outcomes.length}, of which ${broken.length} streams broke`);
    figure("back after", inSeconds(Math.min(...back) / 1000));
    // Those that b was writing, and nothing else.
    for (const { failure, node, began } of broken) {
      expect({ when: failure!.when, node }).toEqual({ when: "in the stream", node: "b" });
      expect(began).toBeLessThan(again);
    }
    if (!startsAnew) expect(broken).toEqual([]);
    await allAsDeclared();
  },
);

test("the balancer's machine is rebooted: the mesh serves again by itself", async () => {
  await lan().power(1, "kill");
  await lan().power(1, "start");
  const ended = performance.now();
  const answered = async () => !(await chat({ url: lan().url, model: model() })).failure;
  await until("answer", answered, { seconds: 60 });
  figure("serves again after", inSeconds((performance.now() - ended) / 1000));
  const outcomes = await load({ url: lan().url, model: model(), atATime: 4, total: 40 });
  expect(failures(outcomes)).toEqual([]);
  await allAsDeclared();
});
