// What clients saw of a step, in numbers: a row of the report.
import type { LiveOutcome } from "./load/load-process.ts";

/** A first byte later than this is slow; the mesh of the lab answers within a tenth of a second. */
const SLOW_SECONDS = 5;

/** The clients' side of one step of a scenario. */
export interface Observed {
  requests: number;
  /** Failed with nothing shown: could have been sent elsewhere. */
  errors: number;
  /** Broke off, or stopped, in the middle of the answer. */
  broken: number;
  /** Answered in full, with the first byte later than SLOW_SECONDS. */
  slow: number;
  /** From the event until the last request that failed or was slow had ended; 0 when none was. */
  secondsToClean: number;
  /** From the first request that failed before its first byte to the last. */
  refusedSeconds: number;
  /** From the event until that first one began; 0 when none failed so. */
  firstRefused: number;
  /** Failures in words, with how often each was seen. */
  failures: Record<string, number>;
  /** Complete answers by node. */
  served: Record<string, number>;
}

/** One line of the report. */
export interface Row extends Observed {
  scenario: string;
  what: string;
  /** How long `up` took, or the trouble lasted. */
  seconds: number;
  /** Every resource that was changed, in the words of touched(). */
  touched: string[];
  /** Containers that are the same as before, by short name. */
  kept: string[];
  /** What nginx says of it, where something failed. */
  said: string[];
  /** What else was measured. */
  notes: string[];
  /** What should not be. */
  problems: string[];
}

/** Whether it was answered in full, but late. */
const isSlow = ({ failure, began, firstByte }: LiveOutcome) =>
  !failure && firstByte !== undefined && firstByte - began > SLOW_SECONDS * 1000;

/**
 * Sums up requests.
 *
 * @param event when the change or the trouble began, in milliseconds since the epoch
 */
export function observe(outcomes: readonly LiveOutcome[], event: number): Observed {
  const failed = outcomes.filter(({ failure }) => failure);
  const refused = failed.filter(({ failure }) => failure!.when === "before the first byte");
  const notClean = outcomes.filter((outcome) => outcome.failure || isSlow(outcome));
  return {
    requests: outcomes.length,
    errors: refused.length,
    broken: failed.filter(({ failure }) => failure!.when === "in the stream").length,
    slow: outcomes.filter(isSlow).length,
    secondsToClean: Math.max(0, ...notClean.map(({ ended }) => (ended - event) / 1000)),
    refusedSeconds: span(refused),
    firstRefused:
      refused.length === 0 ? 0 : (Math.min(...refused.map(({ began }) => began)) - event) / 1000,
    failures: count(
      failed.map(({ failure, node }) => `${failure!.when}, node "${node}": ${failure!.what}`),
    ),
    served: count(outcomes.filter(({ failure }) => !failure).map(({ node }) => node)),
  };
}

/** Seconds from the first begin to the last end. */
function span(outcomes: readonly LiveOutcome[]): number {
  if (outcomes.length === 0) return 0;
  const begin = Math.min(...outcomes.map(({ began }) => began));
  return (Math.max(...outcomes.map(({ ended }) => ended)) - begin) / 1000;
}

function count(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether nothing went wrong for clients. */
export const isClean = ({ errors, broken }: Observed) => errors + broken === 0;
