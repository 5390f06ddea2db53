// The way to a node with HTTPS: what stands in it, and how it comes and goes with the node's admission.
import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";

import { OllamaMesh, type NodeTlsArgs } from "../../../components/index.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import { withServers } from "../../../templates/admitted-servers.ts";
import { nodeHop } from "../../../templates/nodes/hop.ts";
import { serverLine } from "../../../templates/nodes/upstream.ts";
import { admitted } from "../../support/admitted.ts";
import { one, record, stepInput } from "../../support/mocks.ts";
import { TEST_CERTIFICATE } from "../../support/test-certificate.ts";

const node = (tls: object, more: object = {}) => ({
  name: "far",
  managed: false,
  address: "gpu.example.org",
  tls,
  ...more,
});
const plan = (tls: object, more: object = {}, balancer: object = {}) =>
  planMesh("lab", parseMesh({ nodes: [{ name: "near" }, node(tls, more)], balancer }));

function finished(caCertificate: string | undefined) {
  const { balancer, nodes } = plan(caCertificate === undefined ? {} : { caCertificate });
  const far = nodes[1]!;
  const servers = { far: admitted(balancer, far) };
  return withServers(nginxConf(balancer, nodes), servers);
}

test.each([
  [{}, {}, "proxy_set_header Host gpu.example.org;"],
  [{}, { port: 8443 }, "proxy_set_header Host gpu.example.org:8443;"],
  [{ serverName: "a.b" }, { address: "10.0.0.1" }, "proxy_ssl_name a.b;"],
  [{}, {}, "proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;"],
  [{ caCertificate: TEST_CERTIFICATE }, {}, "proxy_ssl_trusted_certificate ca-far.pem;"],
  [{}, {}, "server gpu.example.org:443 max_fails=0;"],
])("%j %j has %s", (tls, more, line) => {
  const { balancer, nodes } = plan(tls, more);
  expect(nodeHop(balancer, nodes[1]!)!.conf).toContain(line);
});

test("a name is looked up again by the hop, where a resolver is declared, and not by the group", () => {
  const { balancer, nodes } = plan({}, {}, { resolver: "127.0.0.11" });
  expect(nodeHop(balancer, nodes[1]!)!.conf).toContain("max_fails=0 resolve;");
  expect(serverLine(balancer, nodes[1]!)).not.toContain("resolve");
});

test("it names nothing of the config around it, which changes before it does", () => {
  const { balancer, nodes } = plan({}, {}, { routes: { upgrade: true } });
  expect(nodeHop(balancer, nodes[1]!)!.conf).not.toContain("$mesh");
});

test("it is in the config exactly while its node is admitted", () => {
  const { balancer, nodes } = plan({});
  expect(finished(undefined).conf).toContain("upstream tls_far");
  expect(withServers(nginxConf(balancer, nodes), {}).conf).not.toContain("tls_far");
});

test("another authority is another config, by its hash", () => {
  const [own, other] = [
    finished(TEST_CERTIFICATE),
    finished(`${TEST_CERTIFICATE}${TEST_CERTIFICATE}`),
  ];
  expect(own.files).toEqual({ "ca-far.pem": TEST_CERTIFICATE });
  expect(own.hash).not.toBe(other.hash);
});

test("a node with a key and without TLS has a hop that speaks plain HTTP and changes no Host", () => {
  const nodes = [{ name: "far", managed: false, address: "10.0.0.9", apiKey: "k" }];
  const { balancer, nodes: planned } = planMesh("lab", parseMesh({ nodes }));
  const hop = nodeHop(balancer, { ...planned[0]!, apiKey: "k" })!;
  expect(hop.files).toEqual({ "key-far.conf": 'proxy_set_header Authorization "Bearer k";\n' });
  expect(hop.conf).toContain("proxy_pass http://key_far;");
  expect(hop.conf).toContain("proxy_set_header Host $http_host;");
  expect(hop.conf).not.toContain("ssl");
  expect(serverLine(balancer, planned[0]!)).toContain("server unix:/tmp/node-far.sock ");
});

test("the authority may be another resource's output", async () => {
  const tls: NodeTlsArgs = { caCertificate: pulumi.output(Promise.resolve(TEST_CERTIFICATE)) };
  const { resources } = await record(
    () => new OllamaMesh("lab", { nodes: [{ name: "near" }, node(tls)] }),
  );
  const input = stepInput(one(resources, "command:local:Command", "lab-far-admission"));
  expect(input).toMatchObject({
    hop: { files: { "ca-far.pem": TEST_CERTIFICATE } },
    tls: { serverName: "gpu.example.org", caCertificate: TEST_CERTIFICATE },
  });
});
