// A machine that is switched off while the others are changed, and comes back, or never does; clients keep asking.
import { beforeAll, expect, test } from "vitest";

import { until } from "../../toolchain/until.mjs";
import { order } from "../engine/support/roll.ts";
import type { Ran } from "../engine/support/pulumi.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { story } from "../support/report/story.ts";
import { done, lanStackOfFile } from "./support/lan.ts";
import { unnoticed, upUnnoticed } from "./support/under-load.ts";

story();

const { lan, stack } = lanStackOfFile(4);
beforeAll(async () => {
  if (!stack()) return;
  await configure("1");
  await stack().up();
});

type Node = "a" | "b" | "c";
const MACHINES: Record<Node, number> = { a: 2, b: 3, c: 4 };

/** Another value rolls all nodes. */
const configure = (roll: string, nodes: Partial<Record<Node, object>> = { a: {}, b: {}, c: {} }) =>
  stack().configure(
    lan().config({
      nodes: Object.entries(nodes).map(([name, more]) => ({
        name,
        ...lan().on(MACHINES[name as Node]),
        ...more,
      })),
      ollama: { environment: { ROLL: roll } },
    }),
  );

async function rollOf(node: Node): Promise<string | undefined> {
  const format = "{{json .Config.Env}}";
  const said = await lan().docker(
    MACHINES[node],
    ...["inspect", "--format", format, `${stack().mesh}-${node}`],
  );
  return /"ROLL=(\w+)"/.exec(said)?.[1];
}

const switchedOn = async (n: number) => {
  await lan().power(n, "start");
  await until(`engine of lan${n}`, () => lan().docker(n, "version"), { seconds: 60 });
};
/** What was done to a node and to the machine that it is on. */
const touched = (ran: Ran, node: Node) =>
  done(ran, stack()).filter((change) =>
    new RegExp(` (${node}|lan${MACHINES[node]})(-|$)`).test(change),
  );
const OFFLINE = { a: {}, b: { offline: true }, c: {} };

test("a machine is declared offline and switched off, and no client notices", async () => {
  await configure("1", OFFLINE);
  const ran = await unnoticed(lan(), async () => {
    const ended = await stack().tryUp();
    await lan().power(3, "kill");
    return ended;
  });
  expect(ran.code, ran.output).toBe(0);
  expect(touched(ran, "b")).toEqual(["update b-admission", "update b-turn"]);
  expect(await lan().serving(stack().mesh)).toEqual(["a", "c"]);
});

test("all others are changed while it is off, and nothing of it is touched", async () => {
  await configure("2", OFFLINE);
  const ran = await upUnnoticed(lan(), stack(), "roll beside an offline machine");
  expect(order(ran)).toBe("a,c");
  expect(touched(ran, "b")).toEqual([]);
  expect([await rollOf("a"), await rollOf("c")]).toEqual(["2", "2"]);
  expect((await stack().preview()).changes).toEqual([]);
});

test("switched on again and no longer declared offline, it gets all that it missed", async () => {
  await switchedOn(3);
  expect(await rollOf("b")).toBe("1");
  await configure("2");
  const ran = await upUnnoticed(lan(), stack(), "back from offline");
  expect(order(ran)).toBe("b");
  expect(await rollOf("b")).toBe("2");
  expect(await lan().serving(stack().mesh)).toEqual(["a", "b", "c"]);
  expect((await stack().preview()).changes).toEqual([]);
});

test("switched off without a word, it stops a change before anything is touched, with the line to declare", async () => {
  await lan().power(4, "kill");
  await configure("3");
  const ran = await unnoticed(lan(), () => stack().tryUp());
  figure("refused after", inSeconds(ran.seconds));
  expect(ran.failed).toEqual([`${stack().mesh}-hosts`]);
  const message = ran.errors.join("\n");
  expect(message).toContain("1 of 3 hosts cannot take the change; nothing was touched anywhere");
  expect(message).toContain("Docker engine ssh://ops@lan4: the host does not answer");
  expect(message).toContain("- { name: c, offline: true, ... }");
  // Linux tries to connect for two minutes.
  expect(ran.seconds).toBeLessThan(60);
  expect([await rollOf("a"), await rollOf("b")]).toEqual(["2", "2"]);
});

test("declared offline and then taken out for ever, it is forgotten without contact", async () => {
  await configure("3", { a: {}, b: {}, c: { offline: true } });
  const declared = await upUnnoticed(lan(), stack(), "dead machine declared offline");
  expect(touched(declared, "c")).toEqual(["update c-admission", "update c-turn"]);
  expect([await rollOf("a"), await rollOf("b")]).toEqual(["3", "3"]);
  await configure("3", { a: {}, b: {} });
  const ran = await upUnnoticed(lan(), stack(), "dead machine taken out");
  expect(touched(ran, "c")).toEqual([
    ...["delete c", "delete c-admission", "delete c-ready", "delete c-turn"],
    ...["", "-images", "-models", "-models", "-preflight"].map((part) => `delete lan4${part}`),
  ]);
  expect(await lan().serving(stack().mesh)).toEqual(["a", "b"]);
  expect((await stack().preview()).changes).toEqual([]);
  await switchedOn(4);
  expect(await lan().remains(4, stack().mesh)).toEqual(["container c", "volume models"]);
});

test("declared once more, it takes the place of what was left there", async () => {
  await configure("3");
  await upUnnoticed(lan(), stack(), "forgotten machine declared again");
  expect(await rollOf("c")).toBe("3");
  expect(await lan().serving(stack().mesh)).toEqual(["a", "b", "c"]);
  expect((await stack().preview()).changes).toEqual([]);
});
