import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

interface Target {
  expr: string;
  legendFormat: string;
  format?: string;
}

const { panels } = JSON.parse(
  readFileSync(new URL("../../../docs/monitoring/dashboard.json", import.meta.url), "utf8"),
) as { panels: { title: string; targets: Target[] }[] };

test("a panel's lines have names of their own, with two balancers too", () => {
  const unnamed = panels.flatMap(({ title, targets }) =>
    targets
      .filter(({ format }) => format !== "table")
      .filter(({ expr, legendFormat }) => {
        // What is summed over all is one line.
        if (/^sum\((?!.*\bby\b)/.test(expr)) return false;
        const [, labels] = /\bby \(([^)]*)\)/.exec(expr) ?? [];
        const own = labels?.split(", ").filter((label) => label !== "le");
        return own === undefined || own.some((label) => !legendFormat.includes(`{{${label}}}`));
      })
      .map(({ expr }) => `${title}: ${expr}`),
  );
  expect(unnamed).toEqual([]);
});
