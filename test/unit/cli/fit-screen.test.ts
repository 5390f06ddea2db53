import { expect, test } from "vitest";

import { fitScreen } from "../../../cli/status/fit-screen.ts";

const text = (count: number) =>
  `${Array.from({ length: count }, (_, at) => `line ${at + 1}`).join("\n")}\n`;

test("what a screen has room for is shown whole, with a row for the cursor", () => {
  expect(fitScreen(text(23), 24, 80)).toBe(text(23));
});

test("of more its begin is shown, where what is wrong stands, and that there is more", () => {
  expect(fitScreen(text(24), 24, 80)).toBe(
    `${text(22)}… 2 lines more; without --watch all are shown\n`,
  );
});

test("a line that is longer than the screen is wide takes several rows", () => {
  const long = "x".repeat(161);
  expect(fitScreen(`${long}\n${text(3)}`, 6, 80)).toBe(
    `${long}\nline 1\n… 2 lines more; without --watch all are shown\n`,
  );
  expect(fitScreen(`${long}\n${text(2)}`, 6, 80)).toBe(`${long}\n${text(2)}`);
});

test("a screen with hardly a row has the first line", () => {
  expect(fitScreen(text(3), 1, 80)).toBe("line 1\n… 2 lines more; without --watch all are shown\n");
});
