import { expect, test } from "vitest";

import { appendArgs, percent } from "../../../../steps/models/model-relay.ts";

test("what comes through this machine is appended to what is there of a part", () => {
  expect(appendArgs("lab.models", "sha256-a")).toEqual([
    ...["exec", "-i", "--workdir", "/root/.ollama/models", "lab.models"],
    ...["sh", "-c", 'cat >> "$0"', "lan/sha256-a"],
  ]);
});

test("100 % is shown of nothing that is not whole", () => {
  expect([percent(0, 3), percent(2, 3), percent(999, 1000), percent(3, 3)]).toEqual([
    ...["0%", "66%", "99%", "100%"],
  ]);
});
