import { expect, test } from "vitest";

import { bucketOf } from "../../../../templates/njs/counters.js";
import { prometheus } from "../../../../templates/njs/metrics.js";

test.each([
  [0, 0],
  [0.05, 0],
  [0.051, 1],
  [900, 12],
  [901, 13],
])("%f seconds fall into bucket %i", (seconds, bucket) => {
  expect(bucketOf(seconds)).toBe(bucket);
});

test("counters become Prometheus text, histograms with running sums", () => {
  const text = prometheus(
    [
      ["r|a|m:7b|team|200", 3],
      ["d|a|m:7b|team|0", 2],
      ["d|a|m:7b|team|13", 1],
      ["D|a|m:7b|team", 1000.5],
      ["mesh_probes_total", 4],
    ],
    [{ name: "mesh_node_places", help: "Places.", samples: [{ labels: { node: "a" }, value: 4 }] }],
  );
  const lines = text.split("\n");
  const own = `node="a",model="m:7b",key="team"`;
  expect(lines).toContain(`mesh_requests_total{${own},status="200"} 3`);
  expect(lines).toContain(`mesh_request_duration_seconds_bucket{${own},le="0.05"} 2`);
  expect(lines).toContain(`mesh_request_duration_seconds_bucket{${own},le="900"} 2`);
  expect(lines).toContain(`mesh_request_duration_seconds_bucket{${own},le="+Inf"} 3`);
  expect(lines).toContain(`mesh_request_duration_seconds_sum{${own}} 1000.5`);
  expect(lines).toContain(`mesh_request_duration_seconds_count{${own}} 3`);
  expect(lines).toContain("mesh_probes_total 4");
  expect(lines).toContain("mesh_route_faults_total 0");
  expect(lines).toContain(`mesh_node_places{node="a"} 4`);
  expect(text.endsWith("\n")).toBe(true);
});

test("each family says once what it is", () => {
  const types = prometheus([], []).match(/^# TYPE (\S+)/gm) ?? [];
  expect(new Set(types).size).toBe(types.length);
});

test("what a name could do to a line is escaped", () => {
  const text = prometheus([['r|a|x"\\\n|k|200', 1]], []);
  expect(text).toContain(String.raw`model="x\"\\\n",key="k"`);
});
