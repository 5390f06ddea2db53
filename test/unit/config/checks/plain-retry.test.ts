// Tries with routing plain, where nginx does not know which node has a model.
import { describe, expect, test } from "vitest";

import { balancerWarnings } from "../../../../config/checks/warnings.ts";
import type { OllamaMeshArgs } from "../../../../config/mesh-args.ts";
import { parseMesh } from "../../../../config/parse-mesh.ts";
import { planMesh } from "../../../../plan/mesh-plan.ts";

/** N nodes of which the first k have the model "rare". */
const fleet = (n: number, k: number, over: OllamaMeshArgs["balancer"] = {}): OllamaMeshArgs => ({
  nodes: Array.from({ length: n }, (_, at) => ({
    name: `n${at}`,
    models: at < k ? ["tiny", "rare"] : ["tiny"],
  })),
  balancer: { routing: "plain", ...over },
});
const retry = (args: OllamaMeshArgs) => {
  const { tries, timeoutSeconds } = planMesh("lab", parseMesh(args)).balancer.retry;
  return [tries, timeoutSeconds];
};
const warned = (args: OllamaMeshArgs) =>
  balancerWarnings(parseMesh(args)).filter(({ text }) => text.includes("different models"));

describe("tries with routing plain", () => {
  test.each([
    [2, 1, 3, 15],
    [3, 1, 3, 15],
    [5, 1, 5, 15],
    [5, 3, 3, 15],
    [8, 1, 8, 15],
    [12, 1, 12, 22],
  ])("of %i nodes, %i of which have the model: %i within %i s", (n, k, tries, seconds) => {
    expect(retry(fleet(n, k))).toEqual([tries, seconds]);
    expect(warned(fleet(n, k))).toEqual([]);
  });

  test("are as ever where all nodes have the same, and with routing models", () => {
    expect(retry(fleet(8, 8))).toEqual([3, 15]);
    expect(retry(fleet(8, 1, { routing: "models" }))).toEqual([3, 120]);
  });

  test("are all nodes, where what servers have is not declared; a backup of that kind is asked last anyway", () => {
    const servers = (backup: boolean) =>
      Array.from({ length: 5 }, (_, at) => ({
        name: `n${at}`,
        managed: false,
        address: `10.0.0.${at + 1}`,
        backup: backup && at > 0,
      }));
    const balancer = { routing: "plain" } as const;
    expect(retry({ nodes: servers(false), balancer })).toEqual([5, 15]);
    const managed = [{ name: "m" }, ...servers(true).slice(1)];
    expect(retry({ nodes: managed, models: ["tiny"], balancer })).toEqual([5, 15]);
    const routes = { set: "all" } as const;
    expect(retry({ nodes: servers(false), balancer: { ...balancer, routes } })).toEqual([3, 15]);
  });

  test("that are declared stay, with a warning where they are too few", () => {
    expect(retry(fleet(5, 1, { retry: { tries: 4 } }))).toEqual([4, 15]);
    expect(warned(fleet(5, 1, { retry: { tries: 4 } }))).toEqual([
      {
        path: "balancer.retry.tries",
        text: "leaves 4 tries where 5 are needed: nodes have, or may have, different models, and nginx alone does not know which, so some requests end in 404 although another node has the model; raise it, or use balancer.routing models, or give all nodes the same models",
      },
    ]);
    expect(retry(fleet(8, 1, { retry: { timeoutSeconds: 6 } }))).toEqual([4, 6]);
    expect(warned(fleet(8, 1, { retry: { timeoutSeconds: 6 } }))[0]?.path).toBe(
      "balancer.retry.timeoutSeconds",
    );
  });

  test("mean nothing to a profile that hands 404 on, which is warned of", () => {
    const args = fleet(5, 1, { retry: { profile: "strict" } });
    expect(retry(args)).toEqual([3, 15]);
    expect(warned(args).map(({ path }) => path)).toEqual(["balancer.retry.profile"]);
    expect(warned(fleet(5, 5, { retry: { profile: "strict" } }))).toEqual([]);
  });
});
