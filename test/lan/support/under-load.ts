// Clients of a mesh on simulated machines, which ask while something is done to it.
import { expect } from "vitest";

import { model, slowModel } from "../../engine/support/lab.ts";
import { failures, startLoad, type Outcome, type RunningLoad } from "../../engine/support/load.ts";
import type { Ran } from "../../engine/support/pulumi.ts";
import type { Stack } from "../../engine/support/stack.ts";
import { figure, inSeconds } from "../../support/report/figure.ts";
import type { TestLan } from "./lan.ts";

/** Clients that ask until they are told to stop: some for short answers, some for streams of seconds. */
export async function startClients({ url }: TestLan): Promise<Omit<RunningLoad, "more">> {
  const long = await slowModel(url);
  const loads = [
    startLoad({ url, model: model(), atATime: 4, perSecond: 20 }),
    startLoad({ url, model: long, tokens: 40, atATime: 2 }),
  ];
  return {
    stop: () => loads.forEach((load) => load.stop()),
    done: Promise.all(loads.map(({ done }) => done)).then((all) => all.flat()),
    get soFar(): readonly Outcome[] {
      return loads.flatMap(({ soFar }) => soFar);
    },
  };
}

/** Does something while clients keep asking, none of which may notice. */
export async function unnoticed<T>(lan: TestLan, work: () => Promise<T>): Promise<T> {
  const clients = await startClients(lan);
  // Also when the work fails: they would go on asking during the next test.
  const result = await work().finally(clients.stop);
  const outcomes = await clients.done;
  expect(outcomes.length).toBeGreaterThan(20);
  expect(failures(outcomes)).toEqual([]);
  return result;
}

/**
 * An up while clients keep asking, none of which may notice.
 *
 * @param title of its figure
 */
export async function upUnnoticed(lan: TestLan, stack: Stack, title: string): Promise<Ran> {
  const ran = await unnoticed(lan, () => stack.tryUp());
  figure(title, inSeconds(ran.seconds));
  expect(ran.code, ran.output).toBe(0);
  return ran;
}
