import { expect, test } from "vitest";

import { problemsOf } from "../../../../../templates/njs/pages/problems.js";
import type { NodeStatus, RoutedStatus } from "../../../../../templates/status/mesh-status.ts";

const node = (name: string, more: Partial<NodeStatus> = {}): NodeStatus => ({
  name,
  kind: "ollama",
  state: "ok",
  since: 1000,
  error: "",
  version: "0.32.15",
  backup: false,
  drain: false,
  inFlight: 0,
  places: 4,
  expectedSeconds: 1,
  bytesPerSecond: 0,
  models: [],
  ...more,
});
const WELL: Pick<RoutedStatus, "config" | "nodes" | "models" | "away"> = {
  config: { hash: "f00", since: 1000, current: true },
  nodes: [node("a"), node("b")],
  models: [{ name: "m:latest", loaded: ["a"], disk: [], notWell: [] }],
  away: { maintenance: ["z"], out: [] },
};
const problems = (more: Partial<RoutedStatus>) =>
  problemsOf({ ...WELL, ...more }, 31_000).map(({ of, text, grave }) => [of, text, grave]);

test("a mesh that serves has none, with a node in maintenance neither", () => {
  expect(problems({})).toEqual([]);
});

test("the worst comes first: a model without a node, then nodes by their state, then what is out", () => {
  expect(
    problems({
      nodes: [
        node("a", { state: "quiet" }),
        node("b", { state: "gone", error: "/api/tags answered 500" }),
        node("c", { state: "wedged" }),
        node("d"),
      ],
      models: [{ name: "m:latest", loaded: [], disk: [], notWell: ["b"] }],
      away: { maintenance: [], out: ["e"] },
    }),
  ).toEqual([
    ["model m:latest", "no node that is well has it; b had it", true],
    ["node b", "does not answer, for 30 s: /api/tags answered 500", true],
    ["node c", expect.stringMatching(/^answers its lists, and gives no token/), true],
    ["node a", expect.stringMatching(/^has requests, and gave no token for 3 s/), false],
    ["node e", expect.stringMatching(/^is declared, and out of traffic/), false],
  ]);
});

test("no node that serves is said before all else", () => {
  expect(problems({ nodes: [node("a", { state: "gone" })] })[0]).toEqual([
    "mesh",
    "no node serves",
    true,
  ]);
  expect(problems({ nodes: [] })).toEqual([["mesh", "no node is in traffic", true]]);
});

test("a node on its CPU serves, and one that hangs with one of its models serves the others", () => {
  const holding = (...states: string[]) => ({
    models: states.map((state) => ({ name: `m-${state}`, loaded: true, state })),
  });
  const first = (one: NodeStatus) => problems({ nodes: [one] })[0]?.[0];
  expect(first(node("a", { state: "cpu", ...holding("cpu") }))).toBe("node a");
  expect(first(node("a", { state: "wedged", ...holding("ok", "wedged") }))).toBe("node a");
  expect(first(node("a", { state: "wedged", ...holding("wedged") }))).toBe("mesh");
  // What it had loaded before it was gone.
  expect(first(node("a", { state: "gone", ...holding("ok") }))).toBe("mesh");
});

test("a config that lies in the volume and does not serve, and refusals of the last minute, are named", () => {
  const minute = { seconds: 60, ended: 50, failed: 1, refused: { "429": 4 } };
  expect(
    problems({
      config: { ...WELL.config, current: false },
      traffic: { minute, hour: minute, series: [] },
    }),
  ).toEqual([
    ["config", expect.stringMatching(/^nginx serves with another config/), false],
    ["requests", "of 50 in the last 60 s: 4 refused with 429, 1 failed at a node", true],
  ]);
});

test("a pool of which no node serves is one, and a model that only nodes of another pool serve", () => {
  expect(
    problems({
      pools: ["p", "q"],
      nodes: [node("a"), node("b", { pool: "p", state: "gone" })],
      models: [
        { name: "m:latest", loaded: ["a"], disk: [], notWell: [] },
        { name: "m:latest", pool: "p", loaded: [], disk: [], notWell: ["b"] },
      ],
    }).slice(0, 3),
  ).toEqual([
    ["pool p", "no node serves", true],
    ["pool q", "no node is in traffic", true],
    ["model m:latest of pool p", "no node that is well has it; b had it", true],
  ]);
});

test("a model whose only node is silent over a long prompt is there", () => {
  const models = [{ name: "m:latest", loaded: [], disk: [], notWell: ["a", "b"] }];
  const silent = (state: string) =>
    problems({
      models,
      nodes: [
        node("a", { state: "quiet", models: [{ name: "m:latest", loaded: true, state }] }),
        node("b", { state: "gone" }),
      ],
    }).map(([of]) => of);
  expect(silent("quiet")).toEqual(["node b", "node a"]);
  expect(silent("wedged")).toEqual(["model m:latest", "node b", "node a"]);
});

test("of a certificate it is said how nginx gets another one: an up sees no change in a file of the host", () => {
  const text = (days: number) => problems({ certificateEnd: 31_000 + days * 86_400_000 })[0]?.[1];
  const wayOut =
    "renew its file, and docker kill --signal HUP the balancer's container, or declare another one in balancer.tls";
  expect(text(21)).toBeUndefined();
  expect(text(20)).toBe(`ends in 20 days; ${wayOut}`);
  expect(text(0)).toBe(`has ended; ${wayOut}`);
});

test("of a node that hangs, or is on its CPU, it is said that it is asked last: where it alone has a model it is asked", () => {
  expect(problems({ nodes: [node("a"), node("b", { state: "wedged" })] })).toEqual([
    ["node b", "answers its lists, and gives no token: it is asked last, for 30 s", true],
  ]);
  expect(problems({ nodes: [node("a"), node("b", { state: "cpu" })] })).toEqual([
    ["node b", "has a model in less GPU memory than declared: it is asked last, for 30 s", false],
  ]);
});
