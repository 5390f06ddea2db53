import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { admit, drain, type AdmissionInput } from "../../../steps/nodes/admission.ts";
import { nodeHop } from "../../../templates/nodes/hop.ts";
import { serverLine } from "../../../templates/nodes/upstream.ts";
import {
  makeAuthority,
  makeCertificate,
  type TestAuthority,
} from "../../behaviour/harness/certificate.ts";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { ToyNode } from "../../behaviour/harness/toy-node.ts";
import { lacking } from "../../support/needs.ts";
import { BalancerUnderTest } from "../support/balancer-under-test.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const NAME = "gpu.example.org";

// Real Docker and nginx, the steps themselves, no Pulumi.
describe.skipIf(why)(`a node with HTTPS${why ? ` (${why})` : ""}`, { timeout: 240_000 }, () => {
  const mesh = new BalancerUnderTest(process.env["OLLAMA_MESH_NGINX_IMAGE"] ?? "");
  let authority: TestAuthority;
  let node: ToyNode;

  const admission = (serverName: string, caCertificate: string): AdmissionInput => {
    const tls = { serverName, caCertificate };
    const { nodes, balancer } = planMesh("m", parseMesh({ nodes: [{ ...node.entry, tls }] }));
    return {
      balancer: mesh.place,
      node: "safe",
      address: node.address,
      port: node.port,
      line: serverLine(balancer, nodes[0]!),
      hop: nodeHop(balancer, nodes[0]!)!,
      tls,
      healthPath: "/",
      drainTimeoutSeconds: 5,
    };
  };

  beforeAll(async () => {
    authority = await makeAuthority(mesh.image, NAME);
    node = await ToyNode.start({
      name: "safe",
      address: await bridgeAddress(),
      tls: authority.good,
    });
    await mesh.serve();
  });
  afterAll(async () => {
    await mesh[Symbol.asyncDispose]();
    await node?.die();
  });

  test("is let into traffic once its certificate is verified from the balancer, and leaves it without a trace", async () => {
    await admit(admission(NAME, authority.certificate));
    expect(await mesh.front("/api/tags")).toBe('{"done":true}');
    expect(node.requests.map(({ headers }) => headers.host)).toEqual([
      `${NAME}:${node.port}`,
      `${NAME}:${node.port}`,
    ]);
    await drain(admission(NAME, authority.certificate));
    expect(await mesh.currentConfig()).not.toMatch(/tls_safe|node-safe/);
  });

  test.each([
    [
      "of another authority",
      NAME,
      async () => (await makeCertificate(mesh.image)).certificate,
      /unable to get local issuer certificate/,
    ],
    [
      "for another name",
      "other.example.org",
      async () => authority.certificate,
      /no alternative certificate subject name matches/,
    ],
  ])(
    "with a certificate %s gets no traffic, and the error says why",
    async (_w, name, ca, says) => {
      await expect(admit(admission(name, await ca()))).rejects.toThrow(says);
      expect(await mesh.currentConfig()).not.toContain("node-safe");
    },
  );
});
