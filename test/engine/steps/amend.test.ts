// A node in traffic that is to be reached in another way than before: it must answer there first.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { admit, amend, type AdmissionInput } from "../../../steps/nodes/admission.ts";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { ToyNode } from "../../behaviour/harness/toy-node.ts";
import { lacking } from "../../support/needs.ts";
import { BalancerUnderTest } from "../support/balancer-under-test.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");

describe.skipIf(why)(`a changed node${why ? ` (${why})` : ""}`, { timeout: 240_000 }, () => {
  const mesh = new BalancerUnderTest(process.env["OLLAMA_MESH_NGINX_IMAGE"] ?? "");
  let node: ToyNode;

  const admission = (port: number, weight = 1, address = node.address): AdmissionInput => ({
    balancer: mesh.place,
    node: "laptop",
    address,
    port,
    line: `server ${address}:${port} weight=${weight};`,
    healthPath: "/",
    drainTimeoutSeconds: 5,
  });
  const line = async () => /server .* weight=\d+;/.exec(await mesh.currentConfig())?.[0];

  beforeAll(async () => {
    node = await ToyNode.start({ name: "laptop", address: await bridgeAddress() });
    await mesh.serve();
    await admit(admission(node.port));
  });
  afterAll(async () => {
    await mesh[Symbol.asyncDispose]();
    await node?.die();
  });

  test.each<[string, () => AdmissionInput]>([
    ["port", () => admission(9)],
    ["address", () => admission(node.port, 1, "127.0.0.9")],
  ])(
    "another %s where nobody answers is refused, and the old line serves on",
    async (_, changed) => {
      const before = await line();
      expect(before).toBe(`server ${node.address}:${node.port} weight=1;`);
      await expect(amend(changed())).rejects.toThrow("the node stays where it was in traffic");
      expect(await line()).toBe(before);
    },
  );

  test("another port where it answers is taken", async () => {
    await using other = await ToyNode.start({ name: "laptop", address: node.address });
    await amend(admission(other.port));
    expect(await line()).toBe(`server ${node.address}:${other.port} weight=1;`);
    await amend(admission(node.port));
  });

  test("another weight is, whether or not it answers", async () => {
    await node.die();
    await amend(admission(node.port, 2));
    expect(await line()).toBe(`server ${node.address}:${node.port} weight=2;`);
  });
});
