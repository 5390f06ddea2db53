// Waits for something that can only be asked for.
import { setTimeout as sleep } from "node:timers/promises";

/** Thrown by a probe when there is nothing left to wait for: ends the wait at once, with this message. */
export class GiveUp extends Error {}

/**
 * Asks again and again until the probe gives something other than undefined or false. A probe that throws has
 * not succeeded yet, unless what it throws will not pass by waiting: a mistake in its code, a failed
 * assertion, or `GiveUp`.
 *
 * @template T
 * @param {string} what what is waited for, in the words of the error
 * @param {() => Promise<T | undefined | false>} probe
 * @param {{seconds: number, everyMs?: number}} limits the deadline, and the pause between two probes
 * @returns {Promise<T>}
 * @throws {Error} at the deadline, with what the last probe threw
 */
export async function until(what, probe, { seconds, everyMs = 50 }) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    let last = "the probe gave nothing";
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      if (isFinal(error)) throw error;
      last = error instanceof Error ? error.message : String(error);
    }
    if (Date.now() > deadline) throw new Error(`no ${what} within ${seconds} s: ${last}`);
    await sleep(everyMs);
  }
}

/** @param {unknown} error */
function isFinal(error) {
  if (error instanceof GiveUp || error instanceof ReferenceError) return true;
  // `fetch` reports a network that fails as a TypeError, and then names the failure as its cause.
  if (error instanceof TypeError) return error.cause === undefined;
  return error instanceof Error && error.name === "AssertionError";
}
