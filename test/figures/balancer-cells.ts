import { setTimeout as pause } from "node:timers/promises";

import type { BalancerArgs } from "../../config/balancer-args.ts";
import type { Known } from "../../config/mesh-config.ts";
import { Balancer } from "../behaviour/harness/balancer.ts";
import { bridgeAddress } from "../behaviour/harness/docker.ts";
import { ForkedNode } from "../behaviour/harness/forked-node.ts";
import { load, served, type Load, type Outcome } from "../behaviour/harness/load.ts";
import { owning, type Own } from "../behaviour/harness/owned.ts";
import type { Answer } from "../behaviour/harness/toy-answers.ts";
import { ToyNode } from "../behaviour/harness/toy-node.ts";

/** How a node fails. */
export const FAILURES = ["500 at once", "503 at once", "resets", "hangs", "drops packets"] as const;
export type Failure = (typeof FAILURES)[number];

/** What is measured of one failing node among healthy ones. */
export interface BlackHole {
  /** Requests of clients while the node failed, and those of them that failed. */
  requests: number;
  errors: number;
  /** Clients that waited for longer than they would. */
  stuck: number;
  /** Requests that took longer than a second. */
  late: number;
  /** Longest wait of a request that was served in the end. */
  slowestMs: number;
  /** Seconds from the first request until the node got no more than a try now and then; undefined for never. */
  outSeconds: number | undefined;
  /** Seconds from its mending until it got its share again; undefined for never. */
  backSeconds: number | undefined;
}

const STREAM: Answer = { kind: "tokens", count: 5, everyMs: 20 };
const BAD: Partial<Record<Failure, Answer>> = {
  "500 at once": { kind: "status", status: 500 },
  "503 at once": { kind: "status", status: 503 },
  resets: { kind: "reset" },
};
const CLIENTS = 8;
const HEALTHY = 3;
/** Ten times what an answer takes. */
const LATE_MS = 1000;
/** Above the retry budget's connect time-outs, far below the read time-out. */
const PATIENCE_MS = 20_000;

/** One of four nodes fails for some seconds, then works again; eight clients all the while. */
export const blackHole = (
  image: string,
  failure: Failure,
  balancer: Known<BalancerArgs>,
  { badSeconds = 7, goodSeconds = 9 } = {},
): Promise<BlackHole> =>
  owning((own) => runBlackHole(own, image, failure, balancer, badSeconds, goodSeconds));

async function runBlackHole(
  own: Own,
  image: string,
  failure: Failure,
  balancer: Known<BalancerArgs>,
  badSeconds: number,
  goodSeconds: number,
): Promise<BlackHole> {
  const address = await bridgeAddress();
  const bad = own(
    await ForkedNode.start({
      name: "bad",
      address,
      answer: BAD[failure] ?? STREAM,
      backlog: failure === "drops packets" ? 1 : 511,
    }),
  );
  const healthy: ToyNode[] = [];
  for (let index = 0; index < HEALTHY; index++) {
    healthy.push(own(await ToyNode.start({ name: `ok${index}`, address, answer: STREAM })));
  }
  const nodes = [bad, ...healthy].map(({ entry }) => entry);
  const front = own(await Balancer.start(image, { nodes, balancer }));
  if (failure === "hangs") bad.freeze();
  if (failure === "drops packets") await bad.drop();

  const began = Date.now();
  const traffic = load(`${front.bridgeUrl}/api/chat`, {
    clients: CLIENTS,
    patienceMs: PATIENCE_MS,
    pauseAfterFailureMs: 50,
  });
  await pause(badSeconds * 1000);
  const mended = Date.now();
  const stuck =
    traffic.open.size === 0 ? 0 : [...traffic.open].filter((at) => mended - at > 4000).length;
  if (failure === "hangs" || failure === "drops packets") bad.thaw();
  else await bad.answer(STREAM);
  await pause(goodSeconds * 1000);
  traffic.stop();
  const all = await traffic.done;
  const arrivals = await bad.arrivals();
  const during = all.filter(({ from }) => from < mended);
  const frozen = failure === "hangs" || failure === "drops packets";
  return {
    requests: during.length,
    errors: during.filter((one) => !served(one)).length,
    stuck,
    late: during.filter(({ from, to }) => to - from > LATE_MS).length,
    slowestMs: Math.max(...during.filter(served).map(({ from, to }) => to - from)),
    // What reached a frozen node is not counted by it: clients that got stuck say when.
    outSeconds: quietAfter(frozen ? late(during) : arrivals, began, mended),
    backSeconds: shareAfter(all, "bad", mended),
  };
}

/** Seconds from `began` after which no second until `end` saw more than one arrival. */
function quietAfter(arrivals: number[], began: number, end: number): number | undefined {
  const during = arrivals.filter((at) => at < end);
  for (let from = 0; from <= during.length; from++) {
    const rest = during.slice(from);
    if (rest.some((at, index) => (rest[index + 1] ?? Infinity) - at < 900)) continue;
    const last = during[from - 1] ?? began;
    return end - last > 1500 ? (last - began) / 1000 : undefined;
  }
  return undefined;
}

/** When requests were made that had to wait. */
const late = (during: Outcome[]) =>
  during
    .filter((one) => !served(one) || one.to - one.from > LATE_MS)
    .map(({ from }) => from)
    .sort((one, other) => one - other);

/** Seconds until a node's answers in one second are two thirds of what each of the others gave on average. */
function shareAfter(all: Outcome[], node: string, from: number): number | undefined {
  const good = all.filter((one) => served(one) && one.from >= from);
  const end = Math.max(...good.map(({ from: at }) => at));
  for (let at = from; at + 1000 <= end; at += 100) {
    const inSecond = good.filter(({ from: when }) => when >= at && when < at + 1000);
    const own = inSecond.filter(({ node: by }) => by === node).length;
    if (own >= ((inSecond.length - own) / HEALTHY) * (2 / 3)) return (at - from) / 1000;
  }
  return undefined;
}

/** What is measured of a fleet whose nodes all say 503 for a while. */
export interface BusyFleet {
  requests: number;
  errors: number;
  /** Seconds for which clients still saw errors after the fleet had room again. */
  afterSeconds: number;
  /** Share of requests served in the three seconds after. */
  servedAfter: number;
}

/** Four nodes work, then all answer 503 for `busySeconds`, then work again. */
export const busyFleet = (
  image: string,
  balancer: Known<BalancerArgs>,
  { busySeconds = 2, goodSeconds = 9 } = {},
): Promise<BusyFleet> =>
  owning((own) => runBusyFleet(own, image, balancer, busySeconds, goodSeconds));

async function runBusyFleet(
  own: Own,
  image: string,
  balancer: Known<BalancerArgs>,
  busySeconds: number,
  goodSeconds: number,
): Promise<BusyFleet> {
  const address = await bridgeAddress();
  const nodes: ToyNode[] = [];
  for (let index = 0; index < 4; index++) {
    nodes.push(own(await ToyNode.start({ name: `n${index}`, address, answer: STREAM })));
  }
  const front = own(
    await Balancer.start(image, { nodes: nodes.map(({ entry }) => entry), balancer }),
  );
  const traffic: Load = load(`${front.bridgeUrl}/api/chat`, {
    clients: CLIENTS,
    pauseAfterFailureMs: 50,
  });
  await pause(1000);
  const busy = Date.now();
  for (const node of nodes) node.answer = { kind: "status", status: 503 };
  await pause(busySeconds * 1000);
  const room = Date.now();
  for (const node of nodes) node.answer = STREAM;
  await pause(goodSeconds * 1000);
  traffic.stop();
  const all = (await traffic.done).filter(({ from }) => from >= busy);
  const errors = all.filter((one) => !served(one));
  const after = all.filter(({ from }) => from >= room && from < room + 3000);
  return {
    requests: all.length,
    errors: errors.length,
    afterSeconds: Math.max(0, ...errors.map(({ to }) => (to - room) / 1000)),
    servedAfter: after.filter(served).length / Math.max(1, after.length),
  };
}

/**
 * Share of good requests that fail while another client sends, again and again, a request that every node
 * answers with 500 (a prompt that crashes the runner): four nodes, eight good clients.
 */
export const poisonPrompt = (
  image: string,
  balancer: Known<BalancerArgs>,
  { seconds = 6, pauseMs = 100 } = {},
): Promise<{ requests: number; errors: number }> =>
  owning(async (own) => {
    const address = await bridgeAddress();
    const nodes: ToyNode[] = [];
    for (let index = 0; index < 4; index++) {
      nodes.push(own(await ToyNode.start({ name: `n${index}`, address, answer: STREAM })));
      nodes[index]!.byPath["/api/generate"] = { kind: "status", status: 500 };
    }
    const front = own(
      await Balancer.start(image, { nodes: nodes.map(({ entry }) => entry), balancer }),
    );
    const poison = load(`${front.bridgeUrl}/api/generate`, {
      clients: 1,
      seconds,
      pauseAfterFailureMs: pauseMs,
    });
    const good = await load(`${front.bridgeUrl}/api/chat`, {
      clients: CLIENTS,
      seconds,
      pauseAfterFailureMs: 50,
    }).done;
    await poison.done;
    return { requests: good.length, errors: good.filter((one) => !served(one)).length };
  });
