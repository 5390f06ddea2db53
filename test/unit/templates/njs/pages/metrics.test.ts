import { expect, test } from "vitest";

import { bucketOf } from "../../../../../templates/njs/counters.js";
import { prometheus } from "../../../../../templates/njs/pages/metrics.js";

test.each([
  [0, 0],
  [0.05, 0],
  [0.051, 1],
  [900, 12],
  [901, 13],
])("%f seconds fall into bucket %i", (seconds, bucket) => {
  expect(bucketOf(seconds)).toBe(bucket);
});

test("counters become Prometheus text, histograms by node and by model with running sums", () => {
  const text = prometheus(
    [
      ["r|a|m:7b|200", 3],
      ["k|team|m:7b|200", 2],
      ["K|team|m:7b", 700],
      ["d|a|m:7b|0", 2],
      ["d|a|m:7b|13", 1],
      ["d|b|m:7b|0", 5],
      ["D|a|m:7b", 1000.5],
      ["D|b|m:7b", 0.5],
      ["mesh_probes_total", 4],
    ],
    [
      { name: "mesh_node_places", help: "Places.", samples: [{ labels: { node: "a" }, value: 4 }] },
      { name: "mesh_config_current", help: "Config.", samples: [{ labels: {}, value: 1 }] },
    ],
  );
  const lines = text.split("\n");
  expect(lines).toContain(`mesh_requests_total{node="a",model="m:7b",status="200"} 3`);
  expect(lines).toContain(`mesh_key_requests_total{key="team",model="m:7b",status="200"} 2`);
  expect(lines).toContain(`mesh_key_response_bytes_total{key="team",model="m:7b"} 700`);
  for (const [name, own, values] of [
    ["mesh", `node="a"`, [2, 2, 3, 1000.5, 3]],
    ["mesh_model", `model="m:7b"`, [7, 7, 8, 1001, 8]],
  ] as const) {
    const [first, last, all, sum, count] = values;
    const of = `${name}_request_duration_seconds`;
    expect(lines).toContain(`${of}_bucket{${own},le="0.05"} ${first}`);
    expect(lines).toContain(`${of}_bucket{${own},le="900"} ${last}`);
    expect(lines).toContain(`${of}_bucket{${own},le="+Inf"} ${all}`);
    expect(lines).toContain(`${of}_sum{${own}} ${sum}`);
    expect(lines).toContain(`${of}_count{${own}} ${count}`);
  }
  expect(lines).toContain("mesh_probes_total 4");
  expect(lines).toContain("mesh_route_faults_total 0");
  expect(lines).toContain(`mesh_node_places{node="a"} 4`);
  expect(lines).toContain("mesh_config_current 1");
  expect(text.endsWith("\n")).toBe(true);
});

test("each family says once what it is", () => {
  const types = prometheus([], []).match(/^# TYPE (\S+)/gm) ?? [];
  expect(new Set(types).size).toBe(types.length);
});

test("what a name could do to a line is escaped", () => {
  const text = prometheus([['r|a|x"\\\n|200', 1]], []);
  expect(text).toContain(String.raw`model="x\"\\\n",status="200"`);
});
