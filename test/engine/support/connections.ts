// Clients that open a connection for each request, as those of a balancer do that is new to them: who is refused?
import { request } from "node:http";

/** What became of them. */
export interface Connections {
  answered: number;
  /** Errors in words, with how often each was seen. */
  failures: Record<string, number>;
  /** Seconds between the first failure and the last. */
  failedFor: number;
  /** When the last one of those that were reset was opened, in performance.now(); -Infinity where none was. */
  lastReset: number;
  /** When the first one of those that were refused was opened; Infinity where none was. */
  firstRefused: number;
  /** Longest wait for an answer, in seconds. */
  slowest: number;
}

/**
 * Opens connections until it is told to stop.
 *
 * @param url what is asked of each
 */
export function openConnections(url: string, { perSecond }: { perSecond: number }) {
  const seen: Connections = {
    answered: 0,
    failures: {},
    failedFor: 0,
    lastReset: -Infinity,
    firstRefused: Infinity,
    slowest: 0,
  };
  const open = new Set<Promise<void>>();
  let firstFailure: number | undefined;
  const fail = (what: string, opened: number) => {
    const now = performance.now();
    seen.failedFor = (now - (firstFailure ??= now)) / 1000;
    if (what === "ECONNRESET") seen.lastReset = Math.max(seen.lastReset, opened);
    if (what === "ECONNREFUSED") seen.firstRefused = Math.min(seen.firstRefused, opened);
    seen.failures[what] = (seen.failures[what] ?? 0) + 1;
  };
  const one = () =>
    new Promise<void>((resolve) => {
      const began = performance.now();
      const sent = request(url, { agent: false, timeout: 30_000 }, (answer) => {
        answer.resume().on("end", () => {
          if (answer.statusCode !== 200) fail(`status ${answer.statusCode}`, began);
          else seen.answered++;
          seen.slowest = Math.max(seen.slowest, (performance.now() - began) / 1000);
          resolve();
        });
      });
      sent.on("timeout", () => sent.destroy(new Error("no answer in 30 s")));
      sent.on("error", (error: NodeJS.ErrnoException) => {
        fail(error.code ?? error.message, began);
        resolve();
      });
      sent.end();
    });
  const each = setInterval(() => {
    const sent = one().finally(() => open.delete(sent));
    open.add(sent);
  }, 1000 / perSecond);
  return {
    /** Waits for the answers that are still out. */
    async stop(): Promise<Connections> {
      clearInterval(each);
      await Promise.all(open);
      return seen;
    },
  };
}
