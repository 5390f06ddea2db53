import { setTimeout as sleep } from "node:timers/promises";

const PAUSE_MS = 50;

/**
 * Asks again and again until the probe gives something other than undefined or false. A probe that throws
 * has not succeeded yet.
 *
 * @param what what is waited for, in the words of the error
 * @throws {Error} at the deadline, with what the last probe threw
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  { seconds }: { seconds: number },
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    let last = "the probe gave nothing";
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (Date.now() > deadline) throw new Error(`no ${what} within ${seconds} s: ${last}`);
    await sleep(PAUSE_MS);
  }
}
