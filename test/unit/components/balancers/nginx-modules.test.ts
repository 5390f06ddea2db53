import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";

import { routingBy } from "../../../../components/balancers/nginx-modules.ts";
import { parseMesh } from "../../../../config/parse-mesh.ts";
import { planMesh } from "../../../../plan/mesh-plan.ts";

const TRACING = { image: "nginx:1.30.6-otel", tracing: { endpoint: "collector:4317" } };

/** What becomes of the routing where the image's nginx can so much, and the warnings. */
function decided(balancer: object, can: { njs?: string; otel?: boolean }): string[] {
  const { balancer: plan } = planMesh("lab", parseMesh({ nodes: [{ name: "a" }], balancer }));
  const warnings: string[] = [];
  const declared = { plan, declaresRouting: "routing" in balancer };
  return [routingBy(can, declared, (text) => warnings.push(text)), ...warnings];
}

test.each(["models", "plain"])(
  "an image that cannot trace is refused, with routing %s",
  (routing) => {
    expect(() => decided({ ...TRACING, routing }, { njs: "1.0.2", otel: false })).toThrow(
      new pulumi.RunError(
        "balancer.image  has no ngx_otel_module, and balancer.tracing needs it; use nginx's official image with it, as nginx:1.30.6-otel, or leave tracing out",
      ),
    );
  },
);

test.each(["models", "plain"])("one that can is taken, with routing %s", (routing) => {
  expect(decided({ ...TRACING, routing }, { njs: "1.0.2", otel: true })).toEqual([routing]);
});

const NEEDS = "routing by models needs njs 1.0.1 or newer";

test("routing by models that is declared is refused where the image has an old njs", () => {
  expect(() => decided({ routing: "models" }, { njs: "0.9.0" })).toThrow(
    new pulumi.RunError(
      `balancer.image  has njs 0.9.0, and ${NEEDS}; use nginx's official image, or routing: plain`,
    ),
  );
});

test("one that nobody declared becomes plain, with a warning", () => {
  expect(decided({}, { njs: "" })).toEqual([
    "plain",
    `balancer.image  has no njs module, and ${NEEDS}: nginx chooses nodes by itself (plain): a node that hangs or has not the model gets requests; use nginx's official image, or declare routing: plain`,
  ]);
});

test("quotas that nginx alone would not keep are refused with it", () => {
  const apiKeys = [{ name: "a", key: "test-key-of-anna-0001", requestsPerDay: 1 }];
  expect(() => decided({ access: { apiKeys } }, { njs: "" })).toThrow(
    new pulumi.RunError(
      `balancer.image  has no njs module, and ${NEEDS}; use nginx's official image, or keys without quotas`,
    ),
  );
});
