import { writeSync } from "node:fs";

import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";

import type {} from "./figure.ts";

/** When a test file began and ended, in milliseconds of one clock. */
export interface Span {
  began: number;
  ended: number;
}

/** What the summary looks at of a test file. */
type File = Pick<TestModule, "id" | "children" | "errors" | "relativeModuleId"> & {
  project: Pick<TestModule["project"], "name">;
};

/**
 * Prints, after what other reporters say: every skipped test with its reason, the figures that tests took, the
 * seconds and counts of each level, and as last line the counts that CI reads.
 */
export class SummaryReporter implements Reporter {
  readonly #spans = new Map<string, Span>();

  onTestModuleQueued({ id }: TestModule): void {
    const now = performance.now();
    this.#spans.set(id, { began: now, ended: now });
  }

  onTestModuleEnd({ id }: TestModule): void {
    const span = this.#spans.get(id);
    if (span) span.ended = performance.now();
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const text = summary(modules, unhandled, this.#spans);
    // Other reporters still print; what is written at the exit comes last.
    process.once("exit", () => writeSync(process.stdout.fd, text));
  }
}

/** The report, for tests without the reporter. */
export function summary(
  modules: readonly File[],
  unhandled: readonly unknown[],
  spans: ReadonlyMap<string, Span>,
): string {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const reasons = tests
    .filter((test) => test.result().state === "skipped")
    .map((test) => `skipped: ${where(test)}\n  ${why(test)}\n`);
  const { passed, failed, skipped } = countsOf(modules);
  return [
    ...reasons,
    ...figureLines(tests),
    ...levelLines(modules, spans),
    `${passed} passed, ${failed + unhandled.length} failed, ${skipped} skipped\n`,
  ].join("");
}

/** How the tests of some files ended. A file that could not be read counts as a failed test. */
function countsOf(modules: readonly File[]) {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const states = tests.map((test) => test.result().state);
  const count = (state: string) => states.filter((each) => each === state).length;
  const unread = modules.filter((module) => module.errors().length > 0).length;
  // A suite's failing beforeAll leaves its tests skipped, none failed; vitest counts the suite.
  const suites = modules
    .flatMap((module) => [...module.children.allSuites()])
    .filter((suite) => suite.errors().length > 0).length;
  return {
    passed: count("passed"),
    failed: count("failed") + unread + suites,
    skipped: count("skipped"),
  };
}

function figureLines(tests: readonly TestCase[]): string[] {
  return tests.flatMap((test) => {
    const figures = test.meta().figures ?? [];
    if (figures.length === 0) return [];
    const lines = figures.map(({ title, value }) => `  ${title}: ${value}\n`);
    return [`measured: ${where(test)}\n`, ...lines];
  });
}

/**
 * A table with a line for each level (vitest's project). `files` is the seconds of all its files together, which
 * run side by side; `clock` is how long one waits for them, from the first one's start to the last one's end.
 */
function levelLines(modules: readonly File[], spans: ReadonlyMap<string, Span>): string[] {
  const levels = Map.groupBy(modules, ({ project }) => project.name);
  const rows = [...levels].map(([level, files]) => {
    const { passed, failed, skipped } = countsOf(files);
    const times = files.map(({ id }) => spans.get(id)).filter((span) => span !== undefined);
    const together = times.reduce((sum, { began, ended }) => sum + ended - began, 0);
    const first = Math.min(...times.map(({ began }) => began));
    const last = Math.max(...times.map(({ ended }) => ended));
    const clock = times.length > 0 ? last - first : 0;
    const seconds = [together, clock].map((ms) => `${(ms / 1000).toFixed(1)} s`);
    return [level, ...[passed, failed, skipped].map(String), ...seconds];
  });
  const [heads, ...lines] = aligned([
    ["level", "passed", "failed", "skipped", "files", "clock"],
    ...rows,
  ]);
  return lines.length > 0 ? [heads!, ...lines] : [];
}

/** Rows of a table as lines: names to the left, numbers to the right. */
function aligned(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!),
    );
    return `${cells.join("  ")}\n`;
  });
}

const where = (test: TestCase) => `${test.module.relativeModuleId} > ${test.fullName}`;

function why(test: TestCase): string {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  return note ?? "no reason was given";
}
