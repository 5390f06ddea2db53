import { describe, expect, test } from "vitest";
import type { TestModule } from "vitest/node";

import type { Figure } from "../../support/report/figure.ts";
import { summary, type Span } from "../../support/report/summary-reporter.ts";

type Result = { state: string; note?: string; figures?: Figure[] };

/** A file as vitest hands it to reporters, as far as the summary looks at it. */
function file(
  name: string,
  tests: Record<string, Result>,
  { errors = 0, suiteErrors = 0, level = "unit" } = {},
): TestModule {
  const module = { id: `id of ${name}`, relativeModuleId: name };
  const cases = Object.entries(tests).map(([fullName, { figures, ...result }]) => ({
    module,
    fullName,
    result: () => result,
    meta: () => (figures ? { figures } : {}),
  }));
  return {
    ...module,
    project: { name: level },
    errors: () => Array.from({ length: errors }, () => new Error("import")),
    children: {
      allTests: () => cases,
      allSuites: () => [{ errors: () => Array.from({ length: suiteErrors }, () => new Error()) }],
    },
  } as unknown as TestModule;
}

const pass = { state: "passed" };
const fail = { state: "failed" };
const skip = { state: "skipped", note: "no docker daemon" };

/** The summary's lines; `spans` by the file's name, in seconds of one clock. */
function lines(
  modules: TestModule[],
  { unhandled = [], spans = {} }: { unhandled?: Error[]; spans?: Record<string, number[]> } = {},
): string[] {
  const times = Object.entries(spans).map(([name, [began = 0, ended = 0]]): [string, Span] => [
    `id of ${name}`,
    { began: began * 1000, ended: ended * 1000 },
  ]);
  const text = summary(modules, unhandled, new Map(times));
  expect(text.endsWith("\n")).toBe(true);
  return text.slice(0, -1).split("\n");
}

describe("the summary", () => {
  test("ends with the line that CI reads, which no other line resembles", () => {
    const modules = [
      file("a.test.ts", { one: pass, two: fail }),
      file("b.test.ts", { three: pass, four: skip }),
    ];
    const printed = lines(modules);
    expect(printed.at(-1)).toBe("2 passed, 1 failed, 1 skipped");
    expect(printed.filter((line) => /\d passed/.test(line))).toHaveLength(1);
  });

  test("is that line alone when there was nothing to run", () => {
    expect(lines([])).toEqual(["0 passed, 0 failed, 0 skipped"]);
  });

  test("names each skipped test with its reason, also where none was given", () => {
    const modules = [file("a.test.ts", { one: skip, "x > two": { state: "skipped" } })];
    const printed = lines(modules);
    expect(printed.slice(0, 4)).toEqual([
      "skipped: a.test.ts > one",
      "  no docker daemon",
      "skipped: a.test.ts > x > two",
      "  no reason was given",
    ]);
    expect(printed.at(-1)).toBe("0 passed, 0 failed, 2 skipped");
  });

  test("counts what failed outside of any test: a file, a suite's hook, an unhandled error", () => {
    const modules = [
      file("a.test.ts", {}, { errors: 1 }),
      file("b.test.ts", { one: pass }, { suiteErrors: 1 }),
    ];
    const printed = lines(modules, { unhandled: [new Error()] });
    expect(printed.at(-1)).toBe("1 passed, 3 failed, 0 skipped");
    expect(printed.at(-2)).toMatch(/^unit +1 +2 +0 /);
  });

  test("prints the figures under the test that took them, whether it passed or failed", () => {
    const up = { title: "fresh up", value: "9.1 s" };
    const back = { title: "back after", value: "3.0 s" };
    const modules = [
      file("a.test.ts", { one: { ...pass, figures: [up, back] }, two: pass }),
      file("b.test.ts", { three: { ...fail, figures: [up] } }),
    ];
    expect(lines(modules).slice(0, 5)).toEqual([
      "measured: a.test.ts > one",
      "  fresh up: 9.1 s",
      "  back after: 3.0 s",
      "measured: b.test.ts > three",
      "  fresh up: 9.1 s",
    ]);
  });

  test("gives each level's counts, the seconds of its files and those on the clock", () => {
    const modules = [
      file("a.test.ts", { one: pass, two: skip }),
      file("b.test.ts", { three: fail }),
      file("c.test.ts", { four: pass }, { level: "behaviour" }),
    ];
    const spans = { "a.test.ts": [1, 4], "b.test.ts": [2, 6], "c.test.ts": [6, 126.25] };
    expect(lines(modules, { spans }).slice(2, -1)).toEqual([
      "level      passed  failed  skipped    files    clock",
      "unit            1       1        1    7.0 s    5.0 s",
      "behaviour       1       0        0  120.3 s  120.3 s",
    ]);
  });

  test("takes a file that never began for no time, and changes nothing for the others", () => {
    const modules = [file("a.test.ts", { one: pass }), file("b.test.ts", {}, { errors: 1 })];
    expect(lines(modules, { spans: { "a.test.ts": [3, 5] } }).at(-2)).toMatch(/ 2\.0 s +2\.0 s$/);
    expect(lines(modules).at(-2)).toMatch(/ 0\.0 s +0\.0 s$/);
  });
});
