import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  ConfigurationError,
  dotPath,
  formatProblems,
  nearest,
  show,
} from "../../../config/problems.ts";

describe("the message", () => {
  test("counts, sorts list positions as numbers, and puts the texts in one column", () => {
    expect(
      formatProblems([
        { path: "nodes[10].port", text: "b" },
        { path: "nodes[2].port", text: "z" },
        { path: "balancer", text: "a" },
        { path: "nodes[2].port", text: "c" },
      ]),
    ).toBe(
      [
        "ollama-mesh: 4 problems in the configuration",
        "  balancer        a",
        "  nodes[2].port   c",
        "  nodes[2].port   z",
        "  nodes[10].port  b",
      ].join("\n"),
    );
  });

  test("of one problem is in the singular", () => {
    expect(formatProblems([{ path: "nodes", text: "is missing" }])).toBe(
      "ollama-mesh: 1 problem in the configuration\n  nodes  is missing",
    );
  });

  test("does not depend on the order in which problems were found, and leaves the list alone", () => {
    // Also of what a reader takes for the same: nothing at all, and two ways to write one letter.
    const unit = fc.constantFrom("a", "0", "\0", "é", "e\u0301");
    const text = fc.string({ unit, maxLength: 2 });
    const problem = fc.record({ path: text, text });
    fc.assert(
      fc.property(fc.uniqueArray(problem, { minLength: 1 }), (problems) => {
        const before = structuredClone(problems);
        expect(formatProblems(problems.toReversed())).toBe(formatProblems(problems));
        expect(problems).toEqual(before);
      }),
    );
  });

  test("is the error's, and the problems stay at hand", () => {
    const problems = [{ path: "a", text: "b" }];
    const error = new ConfigurationError(problems);
    expect([error.name, error.message, error.problems]).toEqual([
      "ConfigurationError",
      formatProblems(problems),
      problems,
    ]);
  });
});

describe("a value in a message", () => {
  test.each([
    [undefined, "nothing"],
    [null, "null"],
    [1, "1"],
    [true, "true"],
    ["a\nb", '"a\\nb"'],
    [NaN, "NaN"],
    [10n ** 3n, "1000"],
    [(a: number) => a, "a function"],
    [[], "an empty list"],
    [["hunter2"], "a list"],
    [{}, "an object"],
    [{ password: "hunter2" }, "an object"],
  ])("%s", (value, text) => {
    expect(show(value)).toBe(text);
  });

  test.each([
    ["ssh://root:hunter2@gpu1", '"ssh://root:***@gpu1"'],
    ["tcp://:hunter2@gpu1:2375", '"tcp://:***@gpu1:2375"'],
    ["https://me:hun/t:e@r2@registry/x:1", '"https://me:***@registry/x:1"'],
    ["me:hunter2@registry/x", '"me:***@registry/x"'],
    // Neither are passwords.
    ["ollama/ollama:1@sha256:7", '"ollama/ollama:1@sha256:7"'],
    ["x:1@sha256:7", '"x:1@sha256:7"'],
    ["ssh://ops@gpu1:99999", '"ssh://ops@gpu1:99999"'],
  ])("hides a password that is part of %s", (value, text) => {
    expect(show(value)).toBe(text);
  });

  test("has at most 60 characters on one line, whatever it is", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const text = show(value);
        expect(text.length).toBeLessThanOrEqual(60);
        expect(text).not.toMatch(/[\r\n]/);
      }),
    );
  });
});

describe("a path", () => {
  test.each([
    [["nodes", 1, "port"], "nodes[1].port"],
    [[], ""],
    [["nodes"], "nodes"],
    [["a", "b-c", 0, 1], "a.b-c[0][1]"],
    [["a", "b c"], 'a["b c"]'],
    [["a", "b\nc"], 'a["b\\nc"]'],
    [["a", ""], 'a[""]'],
  ])("%j: %s", (path, text) => {
    expect(dotPath(path)).toBe(text);
  });
});

describe("the nearest word", () => {
  const KNOWN = ["weight", "backup", "gpus", "cpus", "port"];
  test.each([
    ["wieght", "weight"],
    ["gpuz", "gpus"],
    ["GPUS", "gpus"],
    ["bakup", "backup"],
    ["ports", "port"],
    ["temperature", undefined],
    ["weightinesss", undefined],
  ])("%s: %s", (word, expected) => {
    expect(nearest(word, KNOWN)).toBe(expected);
  });

  test("is the word itself where it is known, and nothing where none is", () => {
    for (const word of KNOWN) expect(nearest(word, KNOWN)).toBe(word);
    expect(nearest("gpus", [])).toBeUndefined();
  });
});
