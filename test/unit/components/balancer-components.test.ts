// Under Pulumi's mocks: what the front door's ports, certificates and redirect make of the balancer's resources.
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";

import { OllamaMesh, type BalancerArgs } from "../../../components/index.ts";
import { isSecret, one, record, stepInput, type Registered } from "../../support/mocks.ts";
import { build, COMMAND, CONTAINER } from "../../support/recorded-mesh.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";

const FILES = { certificateFile: "/etc/ssl/mesh/c.pem", keyFile: "/etc/ssl/mesh/k.pem" };

const resourcesOf = async (balancer: BalancerArgs) =>
  (await build({ nodes: [{ name: "one" }, { name: "two" }], balancer })).resources;
const container = (resources: Registered[]) => one(resources, CONTAINER, "lab-balancer").inputs;
const ports = (resources: Registered[]) => stepInput(one(resources, COMMAND, "lab-balancer-ports"));
const names = (resources: Registered[]) => resources.map(({ name }) => name);

describe("ports", () => {
  test("the management and the redirect port are published and checked beside the clients'", async () => {
    const resources = await resourcesOf({
      listen: { address: "0.0.0.0", port: 443 },
      management: { address: "10.0.0.2", port: 11_435 },
      tls: { ...FILES, redirectPort: 80 },
    });
    expect(container(resources)["ports"]).toEqual([
      { ip: "0.0.0.0", external: 443, internal: 8080 },
      { ip: "10.0.0.2", external: 11_435, internal: 8082 },
      { ip: "0.0.0.0", external: 80, internal: 8083 },
    ]);
    expect(ports(resources)["ports"]).toEqual([
      { ip: "0.0.0.0", port: 443 },
      { ip: "10.0.0.2", port: 11_435 },
      { ip: "0.0.0.0", port: 80 },
    ]);
  });
});

describe("certificates by file", () => {
  test("their folder is mounted read-only, and known to the steps that test a config; nothing is kept in the volume", async () => {
    const resources = await resourcesOf({ tls: FILES });
    expect(container(resources)["volumes"]).toEqual([
      { volumeName: "lab-config", containerPath: "/etc/nginx/mesh", readOnly: true },
      { hostPath: "/etc/ssl/mesh", containerPath: "/etc/nginx/tls", readOnly: true },
    ]);
    expect(names(resources)).not.toContain("lab-balancer-secrets");
    const config = stepInput(one(resources, COMMAND, "lab-balancer-config"));
    expect(config["secrets"]).toBe("");
    expect(config["balancer"]).toEqual({
      endpoint: "unix:///var/run/docker.sock",
      container: "lab-balancer",
      volume: "lab-config",
      network: "lab-network",
      tlsFolder: "/etc/ssl/mesh",
    });
  });
});

describe("the redirect to HTTPS", () => {
  const base = async (certificate: pulumi.Input<string>, preview = false) => {
    const balancer = { tls: { certificate, key: TEST_KEY, redirectPort: 80 } };
    const { resources } = await record(
      () => new OllamaMesh("lab", { nodes: [{ name: "one" }, { name: "two" }], balancer }),
      { preview },
    );
    const config = one(resources, COMMAND, "lab-balancer-config");
    return isSecret(config.inputs["stdin"]) ? "secret" : stepInput(config)["base"];
  };
  const host = '"~^mesh\\.example\\.org\\z" $host;';

  test.each([
    ["plain", TEST_CERTIFICATE],
    ["another resource's output", pulumi.output(Promise.resolve(TEST_CERTIFICATE))],
    ["a secret one, of which names are none", pulumi.secret(TEST_CERTIFICATE)],
  ])("goes to the names of the certificate alone, be it %s", async (_what, certificate) => {
    expect(await base(certificate)).toContain(host);
  });
});
