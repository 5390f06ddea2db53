// Where the table goes that `npm run live -- --markdown` writes.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import type { Row } from "./observed.ts";
import { withTable } from "./report.ts";

const DOCUMENT = "# A\n\n<!-- npm run live -->\n\nold\n\n<!-- end of npm run live -->\n\nB\n";

/** What stands between the marks, and around them. */
const parts = (text: string) => text.split(/<!-- .*? -->\n/);

test("the table and how it was made take the place of what stood between the marks", () => {
  vi.setSystemTime("2027-01-31T12:00:00Z");
  const row: Row = {
    scenario: "nodes",
    what: "weight 1 to 3",
    notes: [],
    seconds: 1,
    requests: 7,
    errors: 0,
    broken: 0,
    slow: 0,
    secondsToClean: 0,
    failures: {},
    refusedSeconds: 0,
    firstRefused: 0,
    said: [],
    served: {},
    touched: [],
    kept: ["all"],
    problems: [],
  };
  const [before, between, after] = parts(withTable(DOCUMENT, [row], 3));
  expect([before, after]).toEqual(["# A\n\n", "\nB\n"]);
  expect(between!.trim().split("\n")).toEqual([
    expect.stringMatching(
      /^2027-01-31, \d+ cores, each scenario 3 times over: counts are added up, the longest time is shown\.$/,
    ),
    "",
    expect.stringMatching(/^\| scenario \|/),
    expect.stringMatching(/^\| --- \|/),
    "| nodes | weight 1 to 3 | 7 | 0 | 0 | 0 | 0 | nothing | all |",
  ]);
});

test("a second writing replaces the first", () => {
  const once = withTable(DOCUMENT, [], 1);
  expect(withTable(once, [], 1)).toBe(once);
});

test.each([
  ["none", "# A\n"],
  ["no end", "<!-- npm run live -->\n"],
  ["two", DOCUMENT + DOCUMENT],
])("a file with %s of the marks is refused", (_, text) => {
  expect(() => withTable(text, [], 1)).toThrow('must have one line "<!-- npm run live -->"');
});

test("docs/measurements.md has the marks", () => {
  const file = join(import.meta.dirname, "../../docs/measurements.md");
  expect(() => withTable(readFileSync(file, "utf8"), [], 1)).not.toThrow();
});
