import { expect, test } from "vitest";

import { steady } from "../../../../templates/njs/nodes/build-view.js";
import type { View } from "../../../../templates/njs/view.js";

const view = (seconds: number, turn: number, own: number, name = "a"): View => {
  const none = { loaded: [], disk: [], backup: [], drain: [], doubt: [], gone: [] };
  const node = { name, count: `i:${name}`, places: 4, limit: 260, makesRoom: true };
  const models = () => ({ m: { ...none, loaded: [0], seconds: { 0: own } } });
  const ranks = () => ({ models: models(), any: none, complete: true });
  return { nodes: [{ ...node, seconds, turn }], ...ranks(), pools: { "": ranks() } };
};

test("a view in which nothing but what was measured has changed, and little, is the one before", () => {
  expect(steady(view(1.09, 0.46, 2.1), view(1, 0.5, 2))).toEqual(view(1, 0.5, 2));
  expect(steady(view(0.91, 0.54, 1.9), view(1, 0.5, 2))).toEqual(view(1, 0.5, 2));
});

test("what changes by more than a tenth is shown, and what is measured for the first time", () => {
  expect(steady(view(1.2, 0.4, 2.3), view(1, 0.5, 2))).toEqual(view(1.2, 0.4, 2.3));
  expect(steady(view(1, 0.01, 2), view(1, 0, 2))).toEqual(view(1, 0.01, 2));
  expect(steady(view(1, 0, 2), view(1, 0.5, 2))).toEqual(view(1, 0, 2));
});

test("of other nodes nothing is kept", () => {
  expect(steady(view(1.01, 0.5, 2), view(1, 0.5, 2, "b"))).toEqual(view(1.01, 0.5, 2));
  expect(steady(view(1.01, 0.5, 2), undefined)).toEqual(view(1.01, 0.5, 2));
});
