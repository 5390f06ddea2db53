// Under Pulumi's mocks: what closes connections to frozen nodes, beside nginx.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import type { OllamaMeshArgs } from "../../../../components/index.ts";
import { one, type Registered } from "../../../support/mocks.ts";
import { build, CONTAINER, named, waits } from "../../../support/recorded-mesh.ts";

const CLOSER = "lab-balancer-closer";
const NODES: OllamaMeshArgs["nodes"] = [
  { name: "one" },
  { name: "far", managed: false, address: "gpu9.lan", port: 8000 },
  { name: "safe", managed: false, address: "safe.lan", tls: {} },
  { name: "resting", managed: false, address: "10.0.0.8", maintenance: true },
];
const closing = (nodes = NODES) => build({ nodes, balancer: { closeOnFailure: true } });
const command = (resources: Registered[]) =>
  one(resources, CONTAINER, CLOSER).inputs["command"] as string[];

describe("balancer.closeOnFailure", () => {
  test("adds one container, and changes nothing else", async () => {
    const without = await build({ nodes: NODES });
    const { resources } = await closing();
    expect(named(resources).filter((each) => each !== `Container ${CLOSER}`)).toEqual(
      named(without.resources),
    );
    for (const { type, name, inputs } of without.resources) {
      expect(one(resources, type, name).inputs, name).toEqual(inputs);
    }
  });

  test("it has nginx's network and one capability, no volume, no port", async () => {
    const { resources } = await closing();
    const script = readFileSync("components/containers/close-connections.pl", "utf8");
    const nginx = one(resources, CONTAINER, "lab-balancer");
    const { command: _, ...inputs } = one(resources, CONTAINER, CLOSER).inputs;
    expect(inputs).toEqual({
      name: "lab-balancer.closer",
      image: nginx.inputs["image"],
      entrypoints: ["perl", "-e", script],
      networkMode: expect.stringMatching(/^container:./),
      user: "0:0",
      readOnly: true,
      capabilities: { drops: ["ALL"], adds: ["CAP_NET_ADMIN"] },
      securityOpts: ["no-new-privileges:true"],
      memory: 64,
      memorySwap: 64,
      labels: [
        { label: "ollama-mesh", value: "lab" },
        { label: "ollama-mesh.node", value: "balancer" },
      ],
      logDriver: "json-file",
      logOpts: { "max-file": "3", "max-size": "10m" },
      restart: "unless-stopped",
      stopTimeout: 2,
      destroyGraceSeconds: 2,
    });
    expect(waits(resources, CONTAINER, CLOSER)).toContain("Container lab-balancer");
  });

  test("it is told where every node in traffic is, those over TLS too", async () => {
    const { resources } = await closing();
    const [port, ...told] = command(resources);
    expect(port).toBe("8084");
    expect(told).toEqual([
      ...["far", "gpu9.lan", "8000"],
      ...["one", expect.stringMatching(/^10\./), "11434"],
      ...["safe", "safe.lan", "443"],
    ]);
    const other = await closing(NODES.toReversed());
    expect(command(other.resources)).toEqual([port, ...told]);
  });
});
