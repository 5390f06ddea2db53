// Figures: what a test measured and claims nothing about.
import { TestRunner } from "vitest";

/** One figure, as it travels from the test to the reporter. */
export interface Figure {
  title: string;
  value: string;
}

declare module "vitest" {
  interface TaskMeta {
    figures?: Figure[];
  }
}

/**
 * Hands a figure of the running test to the summary, which prints all of them at the end of the run. How fast
 * something is depends on the machine, so it is no claim of a test.
 *
 * @param title what was measured, beyond what the test's own title says
 * @param value with its unit
 * @throws {Error} outside of a test
 */
export function figure(title: string, value: string): void {
  const test = TestRunner.getCurrentTest();
  if (!test) throw new Error(`figure "${title}" belongs into a test`);
  (test.meta.figures ??= []).push({ title, value });
}

/** Seconds as a figure's value. */
export const inSeconds = (seconds: number): string => `${seconds.toFixed(1)} s`;
