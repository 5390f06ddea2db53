import { expect, test } from "vitest";

import { stepOf, stepText } from "../../../steps/step-text.ts";

test("a step's text is the one that stands in every stack's state", () => {
  expect(stepText("takeTurn")).toBe(
    'import("ollama-mesh/steps").then((steps) => steps.run("takeTurn"))',
  );
});

test("of a text is read which step it runs, and of others nothing", () => {
  expect(stepOf(stepText("applyConfig"))).toBe("applyConfig");
  for (const other of [undefined, "", "echo admit", 'mysteps.run("admit")', "steps.run(admit)"]) {
    expect(stepOf(other)).toBeUndefined();
  }
});
