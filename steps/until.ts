import { setTimeout as pause } from "node:timers/promises";
import { POLL_MS } from "./limits.ts";

/** Thrown when the deadline passes; says what was last seen. */
export class DeadlineError extends Error {
  constructor(what: string, seconds: number, last: string) {
    super(`${what}: not within ${seconds} s (last: ${last})`);
    this.name = "DeadlineError";
  }
}

/**
 * Looks until `look` returns a result, and returns it.
 *
 * @param what the condition, for the error
 * @param seconds the deadline
 * @param inspection returns the result, or `waiting(why)` for as long as there is none; what it throws ends the wait
 * @throws DeadlineError
 */
export async function until<T>(
  what: string,
  seconds: number,
  inspection: () => Promise<T | Waiting>,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const seen = await inspection();
    if (!(seen instanceof Waiting)) return seen;
    if (Date.now() >= deadline) throw new DeadlineError(what, seconds, seen.why);
    await pause(POLL_MS);
  }
}

/** Not yet, and why. */
export class Waiting {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

/** Not yet, and why. */
export const waiting = (why: string) => new Waiting(why);
