import { describe, expect, test } from "vitest";

import { EMPTY, isSealed, parseState, seal } from "../../../../steps/balancer/mesh-state.ts";

const STATE = { ...EMPTY, base: "events {}", expected: ["a"] };

test("what a step wrote is read back, and known as its own", () => {
  const read = parseState(seal(STATE));
  expect(read).toMatchObject(STATE);
  expect(isSealed(read)).toBe(true);
});

test("what somebody changed is known by its seal", () => {
  const read = parseState(seal(STATE).replace('["a"]', '["b"]'));
  expect(read.expected).toEqual(["b"]);
  expect(isSealed(read)).toBe(false);
});

describe("a state that is not there or not readable is that of an empty mesh", () => {
  test.each(["", "{", "nothing"])("%j", (text) => {
    expect(parseState(text)).toEqual(EMPTY);
  });
});
