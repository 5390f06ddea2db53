import { describe, expect, test } from "vitest";

import { errorsIn } from "../../live/nginx-words.ts";
import type { Row } from "../../live/observed.ts";
import { observe } from "../../live/observed.ts";
import { summedUp, table } from "../../live/report.ts";
import { inOneLine, mostOut, touched } from "../../live/touched.ts";

const replacement = (name: string) => [`delete-replaced ${name}`, `create-replacement ${name}`];
const replacedNode = (node: string) => [
  `update m-${node}-turn`,
  ...["-admission", "-ready", ""].flatMap((part) => replacement(`m-${node}${part}`)),
];

describe("what a change touched", () => {
  test("all of a node is one word", () => {
    const made = ["turn", "ready", "admission"].map((part) => `create m-d-${part}`);
    expect(touched([...replacedNode("a"), "create m-d", ...made], "m")).toEqual([
      "create node d",
      "replace node a",
    ]);
  });

  test("a part of a node is named", () => {
    const withoutReady = replacedNode("a").filter((change) => !change.endsWith("-ready"));
    expect(touched([...withoutReady, "update m-local-images"], "m")).toEqual([
      "replace a",
      "replace a-admission",
      "update a-turn",
      "update local-images",
    ]);
  });

  test("what a stopped roll took away is not called replaced", () => {
    const stopped = replacedNode("a").filter((change) => !/replacement m-a-/.test(change));
    expect(touched(stopped, "m")).toEqual([
      "delete a-admission",
      "delete a-ready",
      "replace a",
      "update a-turn",
    ]);
  });

  test("in one line, an operation is said once", () => {
    expect(inOneLine(["replace node a", "replace node b", "update local-images"])).toBe(
      "replace node a, b; update local-images",
    );
  });

  test("nodes are out from the end of one admission to the begin of the next", () => {
    expect(mostOut([...replacedNode("a"), ...replacedNode("b")])).toBe(1);
    const both = ["delete-replaced m-a-admission", "delete-replaced m-b-admission"];
    expect(mostOut([...both, "create-replacement m-a-admission"])).toBe(2);
  });
});

describe("the table", () => {
  const row = (over: Partial<Row> = {}): Row => ({
    scenario: "one",
    what: "a step",
    seconds: 1,
    touched: ["update a-admission"],
    kept: ["a"],
    said: [],
    notes: [],
    problems: [],
    ...observe([], 0),
    requests: 10,
    ...over,
  });

  test("of several runs counts are added up and the longest time is shown", () => {
    const runs = [
      [row({ broken: 1, secondsToClean: 2 })],
      [row({ broken: 2, secondsToClean: 1.5, problems: ["why"] })],
    ];
    expect(summedUp(runs)).toMatchObject([
      { requests: 20, broken: 3, errors: 0, secondsToClean: 2, problems: ["why"] },
    ]);
  });

  test("of a run that ended early the steps it came to are in it", () => {
    expect(summedUp([[row(), row()], [row()]]).map(({ requests }) => requests)).toEqual([20, 10]);
  });

  test("names a scenario once, and says what was and what was not touched", () => {
    const nothing = row({ what: "trouble", notes: ["a is back"], touched: [], kept: [] });
    expect(
      table([row({ broken: 1, secondsToClean: 2 }), nothing])
        .split("\n")
        .slice(2),
    ).toEqual([
      "| one | a step | 10 | 0 | 1 | 0 | 2.0 s | update a-admission | a |",
      "|  | trouble; a is back | 10 | 0 | 0 | 0 | 0 | nothing | none |",
    ]);
  });
});

test("nginx's errors are counted by what they have in common", () => {
  const line = (level: string, text: string) => `2026/11/26 13:22:01 [${level}] 30#30: ${text}`;
  const timedOut = "upstream timed out (110: Connection timed out) while connecting to upstream";
  const log = [
    line("error", `*7 ${timedOut}, client: 10.0.0.1, server: _, request: "GET / HTTP/1.1"`),
    line("error", `*8 ${timedOut}, client: 10.0.0.9, server: _, request: "GET / HTTP/1.1"`),
    line("warn", "*8 upstream server temporarily disabled while connecting to upstream"),
    line("emerg", "bind() to 0.0.0.0:8080 failed"),
    '{"status":200}',
  ];
  expect(errorsIn(log.join("\n"))).toEqual({ [timedOut]: 2, "bind() to 0.0.0.0:8080 failed": 1 });
});
