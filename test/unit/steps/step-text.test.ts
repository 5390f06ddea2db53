import { expect, test } from "vitest";

import { notedStepText, stepOf, stepText } from "../../../steps/step-text.ts";

test("a step's text is the one that stands in every stack's state", () => {
  expect(stepText("takeTurn")).toBe(
    'import("ollama-mesh/steps").then((steps) => steps.run("takeTurn"))',
  );
});

test("where the package is not installed, the text is this, in every such stack's state", () => {
  expect(notedStepText("takeTurn")).toBe(
    'require(path.resolve(process.env.PULUMI_HOME || os.homedir() + "/.pulumi", ' +
      '"ollama-mesh/steps" + process.cwd(), "run.cjs")).then((steps) => steps.run("takeTurn"))',
  );
});

test("of a text is read which step it runs, and of others nothing", () => {
  expect(stepOf(stepText("applyConfig"))).toBe("applyConfig");
  expect(stepOf(notedStepText("applyConfig"))).toBe("applyConfig");
  for (const other of [undefined, "", "echo admit", 'mysteps.run("admit")', "steps.run(admit)"]) {
    expect(stepOf(other)).toBeUndefined();
  }
});
