// Pools that go together, and those that do not; what each counts for itself.
import { expect, test } from "vitest";

import { neededTries } from "../../../config/checks/plain-retry.ts";
import { balancerWarnings } from "../../../config/checks/warnings.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { ConfigurationError } from "../../../config/problems.ts";

const at = (name: string, more: object = {}) => ({
  name,
  managed: false,
  address: `10.0.0.${name.charCodeAt(0)}`,
  ...more,
});
const POOLS = [{ name: "p", path: "/p" }];
const problems = (given: object): string[] => {
  try {
    parseMesh(given);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ path, text }) => `${path} ${text}`);
  }
};
const mesh = (pools: unknown, nodes: object[] = [at("a", { pool: "p" })], more: object = {}) => ({
  nodes,
  balancer: { pools },
  ...more,
});

test.each([
  ["one by a path", POOLS],
  ["one by a host name", [{ name: "p", host: "p.example.org" }]],
])("%s", (_, pools) => {
  expect(problems(mesh(pools))).toEqual([]);
});

test.each<[unknown, string]>([
  [[], "balancer.pools must name a pool; leave it out for one group of all nodes"],
  [{}, "balancer.pools must be a list of pools, got an object"],
  [[{ path: "/p" }], "balancer.pools[0].name is missing"],
  [
    [{ name: "P", path: "/p" }],
    'balancer.pools[0].name must be lower-case letters, digits and "-", up to 40, got "P"',
  ],
  [
    [{ name: "p", path: "p" }],
    'balancer.pools[0].path must be a path as "/ollama", of letters, digits and ._~-, without "/" at its end, got "p"',
  ],
  [
    [{ name: "p", host: "10.0.0.1" }],
    'balancer.pools[0].host must be a host name, not an address, got "10.0.0.1"',
  ],
])("%j is refused", (pools, text) => {
  expect(problems(mesh(pools))).toEqual([expect.stringContaining(text)]);
});

test("a pool without a node, and a node of a pool that is not there", () => {
  expect(problems(mesh(POOLS, [at("a"), at("b", { pool: "q" })]))).toEqual([
    'nodes[1].pool must be a pool of balancer.pools, one of p, got "q"',
    'balancer.pools[0].name must be the pool of a node, or its clients get 503 for ever: set nodes[].pool, or leave it out, got "p"',
  ]);
  expect(problems({ nodes: [at("a", { pool: "q" })] })).toEqual([
    'nodes[0].pool must be a pool of balancer.pools; there is none, got "q"',
  ]);
});

test("backups stand in for nodes of their own pool, and a change leaves a node of each", () => {
  const nodes = [at("a"), at("b", { pool: "p", backup: true })];
  expect(problems(mesh(POOLS, nodes))).toEqual([
    "nodes must have a node that is not a backup in pool p",
  ]);
  const managed = ["a", "b", "c", "d", "e"].map((name, index) =>
    index < 3 ? { name } : { name, pool: "p" },
  );
  expect(problems(mesh(POOLS, managed, { rollout: { maxUnavailable: 2 } }))).toEqual([
    "rollout.maxUnavailable must be below the number of managed nodes in pool p (2), or a change takes all of them out, got 2",
  ]);
  expect(problems(mesh(POOLS, managed))).toEqual([]);
});

test("a pool that is all in maintenance or offline is warned of, by its name", () => {
  const warned = (nodes: object[]) =>
    balancerWarnings(parseMesh(mesh(POOLS, nodes)))
      .filter(({ text }) => text.includes("maintenance"))
      .map(({ text }) => text);
  expect(warned([at("a"), at("b"), at("c", { pool: "p", maintenance: true })])).toEqual([
    "of pool p are all in maintenance: clients get 503; take maintenance from one of them",
  ]);
  expect(
    warned([at("a", { maintenance: true }), at("b", { backup: true }), at("c", { pool: "p" })]),
  ).toEqual([
    "of the default pool that are no backups are all in maintenance: the backups take every request; take maintenance from one of them",
  ]);
});

test("with routing plain tries are reckoned inside a pool", () => {
  const node = (name: string, models: string[], pool?: string) => ({
    name,
    models,
    ...(pool === undefined ? {} : { pool }),
  });
  const balancer = { routing: "plain" as const, pools: POOLS };
  const nodes = [node("a", ["x"]), node("b", ["x"]), node("c", ["y"], "p"), node("d", ["y"], "p")];
  expect(neededTries(parseMesh({ nodes, balancer }))).toBe(1);
  const mixed = [...nodes, node("e", ["z"], "p")];
  expect(neededTries(parseMesh({ nodes: mixed, balancer }))).toBe(3);
});
