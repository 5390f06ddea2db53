import { describe, expect, it } from "vitest";

import { OLDEST_NODE, atLeast } from "../../toolchain/versions.mjs";

describe("a version", () => {
  it.each([
    ["v3.259.0", "3.259.0"],
    ["3.260.0-alpha.1", "3.259.0"],
    ["v3.1000.0", "3.259.0"],
    ["4.0.0", "3.259.0"],
    ["v22.18.0", OLDEST_NODE],
  ])("%s is at least %s", (version, oldest) => {
    expect(atLeast(version, oldest)).toBe(true);
  });

  it.each([
    ["v3.258.99", "3.259.0"],
    ["v3.259.0-alpha.1", "3.259.0"],
    ["v2.999.0", "3.259.0"],
    ["v20.20.2", OLDEST_NODE],
    ["unknown", "3.259.0"],
    ["", "3.259.0"],
  ])("%s is less than %s", (version, oldest) => {
    expect(atLeast(version, oldest)).toBe(false);
  });
});
