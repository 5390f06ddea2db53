// Which nodes wait for which, by what the balancer says.
import { describe, expect, test } from "vitest";

import { parseMesh } from "../../../../config/parse-mesh.ts";
import { planMesh } from "../../../../plan/mesh-plan.ts";
import type { NotObserved, ObservedMesh } from "../../../../components/observed/observed-mesh.ts";
import { rolloutOrder } from "../../../../components/observed/rollout-order.ts";

const names = ["a", "b", "c", "d", "e"];

type Standing = ObservedMesh | NotObserved;

function order(standing: Standing | Standing[], maxUnavailable = 1, nodes: object[] = []) {
  const own = names.map((name) => ({ name }));
  const config = parseMesh({ nodes: [...own, ...nodes], rollout: { maxUnavailable } });
  return Object.fromEntries(rolloutOrder(planMesh("lab", config), [standing].flat()));
}

const serving = (...admitted: string[]): ObservedMesh => ({
  sealed: true,
  alone: false,
  state: {
    base: "",
    secrets: "",
    expected: names,
    servers: Object.fromEntries(
      admitted.map((name) => [name, { line: "", addresses: [], port: 1 }]),
    ),
  },
});

describe("the turn of a node waits", () => {
  test("for nothing where there is no balancer yet: the first up makes all nodes at once", () => {
    expect(order("none")).toEqual({ a: [], b: [], c: [], d: [], e: [] });
  });

  test("for the one before where all serve", () => {
    expect(order(serving(...names))).toEqual({ a: [], b: ["a"], c: ["b"], d: ["c"], e: ["d"] });
  });

  test("for the batch before with maxUnavailable 2", () => {
    const pairs = { a: [], b: [], c: ["a", "b"], d: ["a", "b"], e: ["c", "d"] };
    expect(order(serving(...names), 2)).toEqual(pairs);
  });

  test("for those that do not serve, new or out, which come first and at once", () => {
    expect(order(serving("a", "c", "e"))).toEqual({
      a: ["b", "d"],
      b: [],
      c: ["a"],
      d: [],
      e: ["c"],
    });
  });

  test("for the one before where the balancer cannot be asked", () => {
    expect(order("unknown")).toEqual({ a: [], b: ["a"], c: ["b"], d: ["c"], e: ["d"] });
  });

  test("never for a node that is offline or not managed: they have no turn", () => {
    const others = [
      { name: "off", host: "ssh://gpu1.lan", offline: true },
      { name: "vllm", managed: false, address: "10.0.0.9" },
    ];
    expect(order(serving("off", "vllm"), 1, others)).toEqual(order("none"));
  });

  test("at two balancers for those that serve at one of them only, which come first", () => {
    const both = [serving("a", "b", "c", "d"), serving("a", "b", "c", "e")];
    expect(order(both)).toEqual({ d: [], e: ["d"], a: ["e"], b: ["a"], c: ["b"] });
  });

  test("in the same way where a second balancer is not there yet", () => {
    expect(order([serving(...names), "none"])).toEqual(order(serving(...names)));
  });
});
