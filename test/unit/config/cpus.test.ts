import { expect, test } from "vitest";

import { cpusText } from "../../../config/cpus.ts";

test.each([
  [1, "1.0"],
  [2, "2.0"],
  [0.5, "0.5"],
  [7.5, "7.5"],
  [2.25, "2.25"],
  [10, "10."],
  [10.5, "10.5"],
  [100, "100."],
  [0.333333333, "0.333333333"],
])("%d CPUs are told as they are read back: %s", (cpus, text) => {
  expect(cpusText(cpus)).toBe(text);
});
