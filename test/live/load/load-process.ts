// The clients, in a process of their own: what the test does beside them must not look like a slow mesh.
// Forked by live-load.ts, told by messages what to ask, and gone with its parent however that ends.
import { Agent } from "node:http";
import { Agent as AgentTls } from "node:https";
import { setTimeout as pause } from "node:timers/promises";

import { chat, type Outcome } from "../../engine/support/load.ts";
import { askOnce, Http2Client } from "./connection-clients.ts";

/** Clients that ask the same way. */
export interface ClientGroup {
  clients: number;
  /** Each client asks again after so long, or when it has its answer, whichever is later. */
  everySeconds: number;
  model: string;
  stream: boolean;
  tokens: number;
  deadlineSeconds: number;
  /** One HTTP/2 connection for each client, instead of HTTP/1.1. */
  http2?: boolean;
}

/** What all clients do until they are told to stop. */
export interface LoadOrder {
  url: string;
  headers?: Record<string, string>;
  groups: ClientGroup[];
  /** Requests that each open a connection of their own. */
  connections?: { perSecond: number; path: string };
}

/** The end of a request, without what was answered. Times in milliseconds since the epoch. */
export interface LiveOutcome extends Omit<Outcome, "body"> {
  stream: boolean;
}

/** To this process: begin, or begin no more requests. */
export type ToLoad = { begin: LoadOrder } | "stop";
/** From this process: requests that ended; the last message says that none is left. */
export type FromLoad = { ended: LiveOutcome[] } | "all ended";

const REPORT_MS = 100;

let stopped = false;
let ended: LiveOutcome[] = [];

const tell = (message: FromLoad) => process.send!(message);

process.on("disconnect", () => process.exit());
process.on("message", (message: ToLoad) => {
  if (message === "stop") stopped = true;
  else void runClients(message.begin);
});

async function runClients({ groups, connections, ...to }: LoadOrder): Promise<void> {
  const report = setInterval(flush, REPORT_MS);
  await Promise.all([
    ...groups.flatMap((group) =>
      Array.from({ length: group.clients }, (_, i) => runClient(group, to, i / group.clients)),
    ),
    ...(connections ? [openConnections(to.url, connections)] : []),
  ]);
  clearInterval(report);
  flush();
  tell("all ended");
  process.disconnect();
}

function flush(): void {
  if (ended.length > 0) tell({ ended });
  ended = [];
}

/** One client with one connection, which it keeps. */
async function runClient(
  group: ClientGroup,
  { url, headers = {} }: Omit<LoadOrder, "groups">,
  phase: number,
): Promise<void> {
  const { model, stream, tokens, deadlineSeconds, everySeconds } = group;
  const options = { keepAlive: true, maxSockets: 1 };
  const agent = url.startsWith("https:") ? new AgentTls(options) : new Agent(options);
  const ask = { url, headers, agent, model, stream, tokens, deadlineSeconds };
  const http2 = group.http2 ? new Http2Client() : undefined;
  let next = performance.now() + phase * everySeconds * 1000;
  for (;;) {
    // In short steps, so that "stop" is heard.
    while (!stopped && performance.now() < next) {
      await pause(Math.min(REPORT_MS, Math.max(0, next - performance.now())));
    }
    if (stopped) break;
    next = Math.max(performance.now(), next + everySeconds * 1000);
    const asked = { ...ask, silenceSeconds: deadlineSeconds };
    const { body: _body, ...outcome } = await (http2 ? http2.chat(asked) : chat(asked));
    ended.push(sinceEpoch({ ...outcome, stream }));
  }
  agent.destroy();
  http2?.close();
}

/** So many a second, whatever became of those before. */
async function openConnections(
  url: string,
  { perSecond, path }: { perSecond: number; path: string },
): Promise<void> {
  const open = new Set<Promise<void>>();
  const began = performance.now();
  for (let sent = 0; !stopped;) {
    for (; sent < ((performance.now() - began) / 1000) * perSecond; sent++) {
      const one = askOnce(url, path).then(({ body: _body, ...outcome }) => {
        ended.push(sinceEpoch({ ...outcome, stream: false }));
        open.delete(one);
      });
      open.add(one);
    }
    await pause(5);
  }
  await Promise.all(open);
}

function sinceEpoch(outcome: LiveOutcome): LiveOutcome {
  const { began, firstByte, ended: end } = outcome;
  const at = (ms: number) => ms + performance.timeOrigin;
  return {
    ...outcome,
    began: at(began),
    firstByte: firstByte === undefined ? undefined : at(firstByte),
    ended: at(end),
  };
}
