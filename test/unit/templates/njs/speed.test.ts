import { beforeEach, expect, test, vi } from "vitest";

import { loadSeconds, measureLoad, reckon } from "../../../../templates/njs/nodes/load-seconds.js";
import { moved, relative } from "../../../../templates/njs/nodes/speed.js";
import { zones } from "../shared-memory.ts";

vi.stubGlobal("ngx", { shared: zones });
beforeEach(() => zones["mesh_numbers_1"]!.clear());

const fresh = (speed: number, weight?: number) => ({
  speed,
  age: 0,
  ...(weight === undefined ? {} : { weight }),
});

test.each([
  ["measured speeds, the fastest being 1", [fresh(320), fresh(160), fresh(80)], [1, 0.5, 0.25]],
  ["declared weights, whatever was measured", [fresh(10, 4), fresh(99, 2)], [1, 0.5]],
  ["an unknown one taken for the fastest, so that it is tried", [fresh(80), fresh(0)], [1, 1]],
  ["all alike where nothing is known", [fresh(0), fresh(0)], [1, 1]],
  ["measured ones on the scale of the declared", [fresh(100, 2), fresh(50)], [1, 0.5]],
  ["a declared one beside a faster measured one", [fresh(50, 1), fresh(100)], [0.5, 1]],
])("relative speeds are %s", (_, nodes, rates) => {
  expect(relative(nodes)).toEqual(rates);
});

test("a speed that nobody measured for a minute drifts to the fastest one's within ten", () => {
  const slow = (age: number) => relative([fresh(100), { speed: 20, age }])[1];
  expect(slow(60_000)).toBe(0.2);
  expect(slow(360_000)).toBeCloseTo(0.6);
  expect(slow(660_000)).toBe(1);
});

test("a measured speed moves by what was seen, half at most", () => {
  expect(moved(0, 100, 1)).toBe(100);
  expect(moved(100, 200, 2)).toBe(110);
  expect(moved(100, 200, 100)).toBe(150);
});

test.each([
  ["0.4 GB", 4e8, 1.4],
  ["70 GB", 7e10, 71],
  ["a size that is not told", undefined, 20],
])("the first load of a model of %s is reckoned by it", (_, size, seconds) => {
  reckon("a", "m", size);
  expect(loadSeconds("a", "m")).toBeCloseTo(seconds);
});

test("a load that was measured tells of the node's other models, and of the model elsewhere, by their sizes", () => {
  reckon("a", "large", 39e9);
  reckon("a", "small", 1e9);
  reckon("b", "large", 39e9);
  reckon("b", "small", 1e9);
  measureLoad("a", "large", 120);
  expect(loadSeconds("a", "large")).toBeCloseTo(120);
  expect(loadSeconds("a", "small")).toBeCloseTo(6);
  expect(loadSeconds("b", "large")).toBeCloseTo(120);
  expect(loadSeconds("b", "small")).toBeCloseTo(2);
});

test("a first byte that waited for others, too, is no measure for ever: ten times as reckoned at most", () => {
  reckon("a", "m", 1e9);
  measureLoad("a", "m", 300);
  expect(loadSeconds("a", "m")).toBeCloseTo(20);
  measureLoad("a", "m", 0.01);
  expect(loadSeconds("a", "m")).toBeCloseTo(1);
});
