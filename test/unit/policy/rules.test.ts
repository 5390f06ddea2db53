// The rules of the policy pack, on the resources that a mesh registers.
import { expect, test } from "vitest";

import type { BalancerArgs, NodeArgs, OllamaMeshArgs } from "../../../components/index.ts";
import { movingImage, openMeshes, openNode, plainKeys, type Shown } from "../../../policy/rules.ts";
import { reveal } from "../../support/mocks.ts";
import { build } from "../../support/recorded-mesh.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";

const KEYS = { apiKeys: [{ name: "ada", key: "a-key-of-16-letters" }] };
const EVERYWHERE = { address: "0.0.0.0" };

/** What the engine shows of a mesh: names, types and properties, no envelopes of secrets. */
async function shown(args: OllamaMeshArgs): Promise<Shown[]> {
  const { resources } = await build(args);
  return resources.map(({ type, name, urn, inputs }) => {
    const props = Object.entries(inputs).map(([key, value]) => [key, reveal(value)]);
    return { type, name, urn, props: Object.fromEntries(props) as Shown["props"] };
  });
}

const meshOf = (node: Partial<NodeArgs>, balancer: BalancerArgs = {}) =>
  shown({ nodes: [{ name: "one", ...node }, { name: "two" }], balancer });

const all = (rule: (resource: Shown) => string | undefined, resources: Shown[]) =>
  resources.flatMap((resource) => rule(resource) ?? []);

const texts = (findings: ReturnType<typeof openMeshes>) => findings.map(({ text }) => text);

test("a mesh of this machine's engine breaks no rule", async () => {
  const resources = await meshOf({});
  expect(all(openNode, resources)).toEqual([]);
  expect(all(movingImage, resources)).toEqual([]);
  expect(openMeshes(resources)).toEqual([]);
  expect(plainKeys(resources)).toEqual([]);
});

test("a node on another host is open, unless it takes requests of the balancer only", async () => {
  const host = "ssh://ops@rack1.lan";
  expect(all(openNode, await meshOf({ host }))).toEqual([
    "node one takes requests from every machine that reaches 0.0.0.0:11434; declare access: balancerOnly",
  ]);
  expect(all(openNode, await meshOf({ host, access: "balancerOnly" }))).toEqual([]);
});

test("a mesh that listens beyond loopback needs keys, and keys need TLS", async () => {
  const open = await meshOf({}, { listen: EVERYWHERE });
  expect(openMeshes(open)).toEqual([
    {
      urn: open.find(({ name, type }) => name === "lab-balancer" && type.includes("Container"))!
        .urn,
      text: "whoever reaches 0.0.0.0:11434 may use the mesh; declare balancer.access.apiKeys, or listen on 127.0.0.1",
    },
  ]);
  expect(plainKeys(open)).toEqual([]);

  const plain = await meshOf({}, { listen: { address: "::", port: 80 }, access: KEYS });
  expect(openMeshes(plain)).toEqual([]);
  expect(texts(plainKeys(plain))).toEqual([
    "API keys go to [::]:80 as plain text; declare balancer.tls, or listen on 127.0.0.1 behind a proxy with TLS",
  ]);

  const pem = { certificate: TEST_CERTIFICATE, key: TEST_KEY };
  const files = { certificateFile: "/etc/tls/mesh.pem", keyFile: "/etc/tls/mesh.key" };
  for (const tls of [pem, files]) {
    const sealed = await meshOf({}, { listen: EVERYWHERE, access: KEYS, tls });
    expect([...openMeshes(sealed), ...plainKeys(sealed)]).toEqual([]);
  }
  const behindProxy = await meshOf({}, { access: KEYS });
  expect([...openMeshes(behindProxy), ...plainKeys(behindProxy)]).toEqual([]);
  const withTlsAlone = await meshOf({}, { listen: EVERYWHERE, tls: pem });
  expect(openMeshes(withTlsAlone)).toHaveLength(1);
});

test.each([
  ["ollama/ollama:0.32.15", true],
  ["ollama/ollama:0.32.15-rocm", true],
  ["registry.lan:5000/nginx:v1.30.6", true],
  ["lab/nginx:f946a6a6dd05c15b", true],
  [`nginx@sha256:${"0".repeat(64)}`, true],
  [`nginx:stable@sha256:${"0".repeat(64)}`, true],
  [`sha256:${"0".repeat(64)}`, true],
  ["nginx", false],
  ["nginx:latest", false],
  ["nginx:1.30", false],
  ["ollama/ollama:rocm", false],
  ["10.0.0.1:5000/nginx", false],
])("the image %s is pinned: %s", async (image, pinned) => {
  const found = all(movingImage, await meshOf({ image }));
  expect(found).toEqual(
    pinned
      ? []
      : [
          `node one's image ${image} is another one tomorrow; declare a whole version (1.2.3) or a digest (@sha256:…)`,
        ],
  );
});

test("both containers of the balancer have its image, and each is told of", async () => {
  const found = all(movingImage, await meshOf({}, { image: "nginx:stable" }));
  expect(found.map((text) => text.split(" image ")[0])).toEqual([
    "the balancer's",
    "the balancer's",
  ]);
});

test("containers that no mesh made are nobody's business", () => {
  const props = { image: "redis", ports: [{ external: 6379, internal: 6379 }] };
  const type = "docker:index/container:Container";
  const foreign: Shown = { type, name: "redis", urn: "urn", props };
  expect([openNode(foreign), movingImage(foreign)]).toEqual([undefined, undefined]);
});
