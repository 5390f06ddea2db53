// Under Pulumi's mocks: what is declared for a log driver stands in no plain input.
import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";

import { one, secret } from "../../../support/mocks.ts";
import { build, CONTAINER } from "../../../support/recorded-mesh.ts";

test("options of a log driver are secret: one of them may be a token", async () => {
  const options = { "splunk-token": "0815-4711", tag: "mesh" };
  const { resources } = await build({
    nodes: [{ name: "a" }],
    balancer: { log: { driver: "splunk", options } },
  });
  for (const name of ["lab-balancer", "lab-balancer-nginx"]) {
    expect(one(resources, CONTAINER, name).inputs["logOpts"], name).toEqual(secret(options));
  }
  const others = resources.filter(({ name }) => !/^lab-balancer(-nginx)?$/.test(name));
  expect(JSON.stringify(others)).not.toContain("0815-4711");
});

test("options of the log driver may be another resource's output", async () => {
  const { resources } = await build({
    nodes: [{ name: "one" }],
    balancer: {
      log: { driver: "splunk", options: { tag: "mesh", "splunk-token": pulumi.secret("4711") } },
    },
  });
  const options = { tag: "mesh", "splunk-token": "4711" };
  for (const name of ["lab-balancer", "lab-balancer-nginx"]) {
    expect(one(resources, CONTAINER, name).inputs["logOpts"], name).toEqual(secret(options));
  }
});
