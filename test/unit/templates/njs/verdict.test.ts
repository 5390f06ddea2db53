import { describe, expect, test } from "vitest";

import { judge, patience, worthAProbe } from "../../../../templates/njs/nodes/verdict.js";

const NOW = 1_000_000;
const evidence = {
  now: NOW,
  inFlight: 0,
  proof: NOW - 60_000,
  idle: NOW,
  failed: 0,
  state: "ok" as const,
  since: 0,
  firstByte: 0,
  onCpu: false,
};

describe("the verdict on a node with a model", () => {
  test("is ok while it has nothing to do, however long nothing came", () => {
    expect(judge(evidence)).toBe("ok");
  });

  test.each([
    [3000, "ok"],
    [3001, "quiet"],
  ])("after %i ms without a token with requests in flight is %s", (silent, verdict) => {
    const proof = NOW - silent;
    expect(judge({ ...evidence, inFlight: 1, proof, idle: 0 })).toBe(verdict);
    expect(judge({ ...evidence, inFlight: 1, proof: 0, idle: proof })).toBe(verdict);
  });

  test("is wedged after two probes without an answer", () => {
    expect(judge({ ...evidence, failed: 1 })).toBe("ok");
    expect(judge({ ...evidence, failed: 2 })).toBe("wedged");
  });

  test("is not wedged while it is silent for less than twice its longest wait for a first byte", () => {
    const late = { ...evidence, failed: 2, firstByte: 31, inFlight: 1, idle: 0 };
    expect(judge(late)).toBe("quiet");
    expect(judge({ ...late, firstByte: 29 })).toBe("wedged");
  });

  test("does not become ok because the clients gave up", () => {
    const suspected = { ...evidence, state: "quiet" as const, since: NOW - 1000 };
    expect(judge(suspected)).toBe("quiet");
    expect(judge({ ...suspected, proof: NOW - 999 })).toBe("ok");
  });

  test("is cpu where the model is not in GPU memory, whatever else", () => {
    expect(judge({ ...evidence, onCpu: true, failed: 2 })).toBe("cpu");
  });
});

const habits = {
  now: NOW,
  proof: NOW,
  loadCaused: 0,
  ends: 100,
  firstByte: 0.1,
  largest: 5000,
  underWay: 0,
  wholeAsked: 0,
  wholeAnswer: 0,
};

describe("patience with a node whose places are all taken", () => {
  test.each([
    ["is 15 s at least", {}, 15_000],
    ["is four times the longest wait of late", { firstByte: 10 }, 40_000],
    ["grows with a larger prompt", { firstByte: 10, underWay: 10_000 }, 80_000],
    ["is 5 minutes at most", { firstByte: 200 }, 300_000],
    ["is 5 minutes while a model is loaded", { loadCaused: NOW + 1 }, 300_000],
    ["is 5 minutes before anything is known", { ends: 4 }, 300_000],
    ["is 5 minutes before an answer in one piece has ended", { wholeAsked: NOW - 9000 }, 300_000],
    [
      "is four times the longest answer in one piece while there may be one",
      { wholeAsked: NOW - 9000, wholeAnswer: 20 },
      80_000,
    ],
    ["goes by streams where nobody asked for less", { wholeAnswer: 20 }, 15_000],
  ])("%s", (_, more, milliseconds) => {
    expect(patience({ ...habits, ...more })).toBe(milliseconds);
  });
});

test.each([
  ["an idle node", { state: "ok", inFlight: 0, silent: 9e9, full: false }, false],
  ["a silent one with a free place", { state: "ok", inFlight: 1, silent: 3001, full: false }, true],
  ["a silent one without", { state: "quiet", inFlight: 4, silent: 3001, full: true }, false],
  ["the same after patience", { state: "quiet", inFlight: 4, silent: 15_000, full: true }, true],
  ["a wedged one", { state: "wedged", inFlight: 4, silent: 0, full: true }, true],
] as const)("whether a probe of %s would prove anything", (_, of, worth) => {
  expect(worthAProbe({ ...of, patience: 15_000 })).toBe(worth);
});
