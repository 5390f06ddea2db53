import { expect, test } from "vitest";

import { sums, traffic } from "../../../../../templates/njs/pages/history.js";

const at = (seconds: number, ...counted: [string, number][]) => sums(counted, seconds * 1000);

test("a sample has the sums over nodes, models and keys", () => {
  const sample = at(
    7,
    ["r|a|m|200", 3],
    ["r|b|m|502", 1],
    ["r||m|429", 2],
    ["r|||404", 4],
    ["d|a|m|0", 3],
    ["d|b|m|0", 1],
    ["f|a|m|13", 3],
    ["D|a|m", 0.5],
    ["mesh_probes_total", 9],
  );
  expect(sample).toMatchObject({ at: 7000, ended: 10, failed: 1, refused: { 404: 4, 429: 2 } });
  expect(sample.duration).toEqual([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(sample.firstByte[13]).toBe(3);
});

test("what was counted before the hour is no part of it; percentiles go by buckets", () => {
  const before = at(0, ["r|a|m|200", 100], ["d|a|m|12", 100], ["r||m|429", 7]);
  const after = at(
    600,
    ["r|a|m|200", 300],
    ["d|a|m|12", 100],
    ["d|a|m|4", 100],
    ["d|a|m|5", 100],
    ["r||m|429", 7],
    ["r||m|503", 2],
  );
  const { hour } = traffic([before, after])!;
  expect(hour).toEqual({
    seconds: 600,
    ended: 202,
    failed: 0,
    refused: { 503: 2 },
    duration: { p50: 1, p95: 2.35, p99: 2.47 },
  });
});

test("the last minute and each minute of the hour are told apart", () => {
  const samples = Array.from({ length: 19 }, (_, turn) =>
    at(turn * 10, ["r|a|m|200", turn < 12 ? 0 : (turn - 12) * 5]),
  );
  const { minute, hour, series } = traffic(samples)!;
  expect([minute.ended, minute.seconds]).toEqual([30, 60]);
  expect([hour.ended, hour.seconds]).toEqual([30, 180]);
  expect(series.map((each) => [each.at, each.ended])).toEqual([
    [60_000, 0],
    [120_000, 0],
    [180_000, 30],
  ]);
});

test("one sample is not enough to say anything", () => {
  expect(traffic([])).toBeUndefined();
  expect(traffic([at(0)])).toBeUndefined();
});
