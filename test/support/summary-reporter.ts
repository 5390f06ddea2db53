import { writeSync } from "node:fs";

import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";

/** Prints every skipped test with its reason, and as last line the counts that CI reads. */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const { text } = summary(modules, unhandled);
    // Other reporters still print; what is written at the exit comes last.
    process.once("exit", () => writeSync(process.stdout.fd, text));
  }
}

/** The report, and its parts for tests. A file that could not be read counts as a failed test. */
export function summary(
  modules: readonly Pick<TestModule, "children" | "errors" | "relativeModuleId">[],
  unhandled: readonly unknown[],
): { text: string } {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const states = tests.map((test) => test.result().state);
  const count = (state: string) => states.filter((each) => each === state).length;
  const unread = modules.filter((module) => module.errors().length > 0).length;
  // A suite's failing beforeAll leaves its tests skipped, none failed; vitest counts the suite.
  const suites = modules
    .flatMap((module) => [...module.children.allSuites()])
    .filter((suite) => suite.errors().length > 0).length;
  const failed = count("failed") + unread + suites + unhandled.length;
  const skipped = tests.filter((test) => test.result().state === "skipped");
  const reasons = skipped.map((test) => `skipped: ${where(test)}\n  ${why(test)}\n`);
  const counts = `${count("passed")} passed, ${failed} failed, ${skipped.length} skipped\n`;
  return { text: `${reasons.join("")}${counts}` };
}

const where = (test: TestCase) => `${test.module.relativeModuleId} > ${test.fullName}`;

function why(test: TestCase): string {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  return note ?? "no reason was given";
}
