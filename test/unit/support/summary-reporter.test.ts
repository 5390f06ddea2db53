import { describe, expect, test } from "vitest";
import type { TestModule } from "vitest/node";

import { summary } from "../../support/summary-reporter.ts";

type Result = { state: string; note?: string };

/** A file as vitest hands it to reporters, as far as the summary looks at it. */
function file(
  name: string,
  tests: Record<string, Result>,
  { errors = 0, suiteErrors = 0 } = {},
): TestModule {
  const module = { relativeModuleId: name };
  const cases = Object.entries(tests).map(([fullName, result]) => ({
    module,
    fullName,
    result: () => result,
  }));
  return {
    ...module,
    errors: () => Array.from({ length: errors }, () => new Error("import")),
    children: {
      allTests: () => cases,
      allSuites: () => [{ errors: () => Array.from({ length: suiteErrors }, () => new Error()) }],
    },
  } as unknown as TestModule;
}

const pass = { state: "passed" };
const fail = { state: "failed" };

describe("the summary", () => {
  test("ends with the line that CI reads", () => {
    const modules = [
      file("a.test.ts", { one: pass, two: fail }),
      file("b.test.ts", { three: pass }),
    ];
    expect(summary(modules, []).text).toBe("2 passed, 1 failed, 0 skipped\n");
  });

  test("names each skipped test with its reason, also where none was given", () => {
    const skipped = { state: "skipped", note: "no docker daemon" };
    const modules = [file("a.test.ts", { one: skipped, "x > two": { state: "skipped" } })];
    expect(summary(modules, []).text).toBe(
      [
        "skipped: a.test.ts > one",
        "  no docker daemon",
        "skipped: a.test.ts > x > two",
        "  no reason was given",
        "0 passed, 0 failed, 2 skipped",
        "",
      ].join("\n"),
    );
  });

  test("counts what failed outside of any test: a file, a suite's hook, an unhandled error", () => {
    const modules = [
      file("a.test.ts", {}, { errors: 1 }),
      file("b.test.ts", { one: pass }, { suiteErrors: 1 }),
    ];
    expect(summary(modules, [new Error()]).text).toBe("1 passed, 3 failed, 0 skipped\n");
  });
});
