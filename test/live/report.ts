// The table of the scenarios.
import { availableParallelism } from "node:os";

import type { Row } from "./observed.ts";
import { inOneLine } from "./touched.ts";

const HEAD = [
  "scenario",
  "what is done",
  "requests",
  "errors",
  "broken streams",
  "slow",
  "clean after",
  "touched",
  "containers kept",
];

/** One line for the same step of several runs: sums of what was counted, the longest of what was timed. */
export function summedUp(runs: readonly Row[][]): Row[] {
  const [first = [], ...more] = runs;
  return first.map((row, i) => {
    const all = [row, ...more.flatMap((rows) => rows[i] ?? [])];
    const sum = (key: "requests" | "errors" | "broken" | "slow") =>
      all.reduce((total, one) => total + one[key], 0);
    return {
      ...row,
      requests: sum("requests"),
      errors: sum("errors"),
      broken: sum("broken"),
      slow: sum("slow"),
      secondsToClean: Math.max(...all.map((one) => one.secondsToClean)),
      problems: all.flatMap((one) => one.problems),
    };
  });
}

/** A row while the others are still to come. */
export const oneLine = (row: Row) =>
  `${[row.what, ...row.notes].join("; ")}: ${row.seconds.toFixed(1)} s, ${row.requests} requests, ${row.errors} errors, ${row.broken} broken, ${row.slow} slow`;

/** What clients saw, in words, where it was not all good. */
export function failuresInWords(row: Row): string[] {
  const seen = Object.entries(row.failures).map(([words, count]) => `${count} times ${words}`);
  return [...seen, ...row.said];
}

const BEGIN = "<!-- npm run live -->";
const END = "<!-- end of npm run live -->";

/**
 * A Markdown file with the rows in the place of what stood between its two marks.
 *
 * @param times how often each scenario was run
 * @throws Error when the marks are not there, once each and in their order
 */
export function withTable(text: string, rows: readonly Row[], times: number): string {
  const [before, between, ...more] = text.split(`${BEGIN}\n`);
  const [, after, ...rest] = between?.split(END) ?? [];
  if (before === undefined || after === undefined || more.length + rest.length > 0) {
    throw new Error(`must have one line "${BEGIN}" and below it one "${END}"`);
  }
  const day = new Date().toISOString().slice(0, 10);
  const runs = times > 1 ? `, each scenario ${times} times over` : "";
  const made = `${day}, ${availableParallelism()} cores${runs}: counts are added up, the longest time is shown.`;
  return `${before}${BEGIN}\n\n${made}\n\n${table(rows)}\n\n${END}${after}`;
}

/** The rows as a Markdown table. */
export function table(rows: readonly Row[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [
    line(HEAD),
    line(HEAD.map(() => "---")),
    ...rows.map((row, i) =>
      line([
        rows[i - 1]?.scenario === row.scenario ? "" : row.scenario,
        [row.what, ...row.notes].join("; "),
        row.requests,
        row.errors,
        row.broken,
        row.slow,
        row.secondsToClean === 0 ? "0" : `${row.secondsToClean.toFixed(1)} s`,
        inOneLine(row.touched) || "nothing",
        row.kept.join(", ") || "none",
      ]),
    ),
  ].join("\n");
}
