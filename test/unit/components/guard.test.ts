// Nodes with access: balancerOnly: what is decided, what their guard is told, and that no key is where it can be read.
import { X509Certificate, createPrivateKey } from "node:crypto";

import { describe, expect, test, vi } from "vitest";

import * as pulumi from "@pulumi/pulumi";
import {
  guardContainerArgs,
  guardFiles,
  guardVolume,
} from "../../../components/containers/guard-container.ts";
import {
  NodeAccess,
  OllamaMesh,
  type NodeArgs,
  type OllamaMeshArgs,
} from "../../../components/index.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { nodeContainerArgs } from "../../../components/containers/node-container.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { makeKeyPair } from "../../../steps/nodes/key-pair.ts";
import { guardConf } from "../../../templates/guard-conf.ts";
import { problemsOf } from "../../support/config-problems.ts";
import { isSecret, one, record, stepInput, type Registered } from "../../support/mocks.ts";
import { need } from "../../support/needs.ts";
import { testWithNginx } from "../../support/nginx.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";

const COMMAND = "command:local:Command";
const CONTAINER = "docker:index/container:Container";
const NETWORK = "docker:index/network:Network";

const FAR: NodeArgs = { name: "far", host: "ssh://ops@rack1.lan", address: "10.8.0.11" };
const ONLY: NodeArgs = { ...FAR, access: NodeAccess.BalancerOnly };
const planOf = (nodes: object[], more: object = {}) =>
  planMesh("lab", parseMesh({ nodes, ...more }));
const build = (args: OllamaMeshArgs) => record(() => new OllamaMesh("lab", args));
const identity = { certificate: TEST_CERTIFICATE, key: TEST_KEY };
const link = { server: identity, clients: [identity] };

describe("which nodes have a guard", () => {
  test.each<[string, object, object, (string | undefined)[]]>([
    ["those that say so", ONLY, {}, [undefined, "lab-far.guard"]],
    ["none by default", FAR, {}, [undefined, undefined]],
    [
      "all on other engines where the mesh says so",
      FAR,
      { access: "balancerOnly" },
      [undefined, "lab-far.guard"],
    ],
    [
      "but for those that say otherwise",
      { ...FAR, access: "open" },
      { access: "balancerOnly" },
      [undefined, undefined],
    ],
    [
      "no server that the mesh does not run",
      { name: "x", managed: false, address: "10.8.0.9" },
      { access: "balancerOnly" },
      [undefined, undefined],
    ],
    [
      "one on the balancer's engine that is published there",
      { name: "far", address: "10.8.0.9" },
      { access: "balancerOnly" },
      [undefined, "lab-far.guard"],
    ],
  ])("%s", (_, node, more, guards) => {
    const { nodes } = planOf([{ name: "near" }, node], more);
    expect(nodes.map(({ container }) => container?.guard)).toEqual(guards);
  });

  test("access that would have no effect is refused", () => {
    const nodes = [
      { name: "near", access: "open" },
      { name: "x", managed: false, address: "10.8.0.9", access: "balancerOnly" },
    ];
    expect(problemsOf({ nodes }).map(({ path }) => path)).toEqual([
      "nodes[0].access",
      "nodes[1].access",
    ]);
  });
});

describe("how it is reached", () => {
  test("the guard is published in the node's place, and the node has a network with it alone", () => {
    const mesh = planOf([{ name: "near" }, ONLY]);
    const far = mesh.nodes[1]!;
    const own = nodeContainerArgs(mesh, far, []);
    expect(own).toMatchObject({ networksAdvanced: [{ name: "lab-far.guard" }] });
    expect(own).not.toHaveProperty("ports");
    expect(guardContainerArgs("lab", far, "v")).toMatchObject({
      name: "lab-far.guard",
      ports: [{ ip: "10.8.0.11", external: 11434, internal: 8443 }],
      networksAdvanced: [{ name: "lab-far.guard" }],
      user: "101:101",
      readOnly: true,
      capabilities: { drops: ["ALL"] },
    });
  });

  test("a node without a guard is what it was", () => {
    const mesh = planOf([{ name: "near" }, FAR]);
    expect(nodeContainerArgs(mesh, mesh.nodes[1]!, [])).toMatchObject({
      ports: [{ ip: "10.8.0.11", external: 11434, internal: 11434 }],
    });
  });

  test("its guard asks a service at the port inside its container", () => {
    const service = { ...ONLY, image: "predict:1", service: { port: 8000 }, port: 9000 };
    const { nodes } = planOf([{ name: "near" }, service]);
    expect(guardConf(nodes[1]!.container!)).toContain("server lab-far:8000 max_fails=0 resolve;");
  });

  test("the host that the client named reaches the node", () => {
    expect(guardConf({ name: "lab-far" })).toContain("proxy_set_header Host $http_host;");
  });
});

test("the guard's config is this, and nginx 1.30.6 takes it without a warning", async (context) => {
  const conf = guardConf({ name: "lab-far" });
  await expect(conf).toMatchFileSnapshot("guard.nginx.conf");
  const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
  const container = planOf([{ name: "near" }, ONLY]).nodes[1]!.container!;
  const { "nginx.conf": _, ...files } = guardFiles(container, link);
  expect(await testWithNginx(image, { guard: { conf, files } })).toEqual({ guard: "" });
}, 60_000);

test("other certificates are another volume, and its name tells nothing of them", () => {
  const container = planOf([{ name: "near" }, ONLY]).nodes[1]!.container!;
  const files = guardFiles(container, link);
  const other = guardFiles(container, {
    ...link,
    clients: [{ ...identity, certificate: "other" }],
  });
  expect(guardVolume("g", files)).toMatch(/^g-[0-9a-f]{12}$/);
  expect(guardVolume("g", files)).not.toBe(guardVolume("g", other));
  expect(guardVolume("g", files)).toBe(guardVolume("g", guardFiles(container, link)));
});

describe("a certificate", () => {
  test("is its own authority, for one name and one use, for ten years from now", async () => {
    const { certificate, key } = await makeKeyPair("far.lab.internal", "client");
    const made = new X509Certificate(certificate);
    expect(made.subjectAltName).toBe("DNS:far.lab.internal");
    expect(made.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(made.verify(made.publicKey)).toBe(true);
    expect(made.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(Date.parse(made.validFrom)).toBeLessThan(Date.now());
    const years = (Date.parse(made.validTo) - Date.now()) / (365 * 86_400_000);
    expect(years).toBeCloseTo(10, 1);
  });
});

describe("resources of a guarded node", () => {
  const at = (resources: Registered[], type: string, name: string) => one(resources, type, name);

  test("are a network, a volume, files, certificates and the guard, before the node is asked", async () => {
    const { resources } = await build({ nodes: [{ name: "near" }, ONLY] });
    const mine = resources.filter(({ name }) => /far-(guard|link)/.test(name));
    expect(mine.map(({ type, name }) => `${type.split(/[:/]/).at(-1)} ${name}`).toSorted()).toEqual(
      [
        "Command lab-far-guard",
        "Command lab-far-link",
        "Container lab-far-guard",
        "Network lab-far-guard",
        "Volume lab-far-guard",
      ],
    );
    expect(at(resources, CONTAINER, "lab-far").dependsOn).toContain(`${NETWORK} lab-far-guard`);
    const guard = at(resources, CONTAINER, "lab-far-guard");
    expect(guard.dependsOn).toEqual(
      expect.arrayContaining([`${CONTAINER} lab-far`, `${COMMAND} lab-far-guard`]),
    );
    // As Pulumi's mocks shape an id.
    expect(guard.inputs["hostname"]).toBe(`${CONTAINER} lab-far`.slice(0, 12));
    expect(at(resources, COMMAND, "lab-far-ready").inputs["triggers"]).toEqual([
      `${CONTAINER} lab-far`,
      `${CONTAINER} lab-far-guard`,
    ]);
    expect(at(resources, COMMAND, "lab-far-admission").inputs["triggers"]).toEqual([
      `${CONTAINER} lab-far`,
      `${CONTAINER} lab-far-guard`,
    ]);
  });

  test("hold the keys as secrets only", async () => {
    const { resources } = await build({ nodes: [{ name: "near" }, ONLY] });
    expect(at(resources, COMMAND, "lab-far-link").options).toEqual({
      additionalSecretOutputs: ["stdout"],
      replaceOnChanges: ["triggers[*]"],
    });
    for (const { name, inputs } of resources) {
      for (const [key, value] of Object.entries(inputs)) {
        if (!isSecret(value))
          expect(JSON.stringify(value), `${name}.${key}`).not.toContain("PRIVATE");
      }
    }
    const { hop, tls } = stepInput(at(resources, COMMAND, "lab-far-admission"));
    expect(hop).toMatchObject({
      files: {
        "ca-far.pem": TEST_CERTIFICATE,
        "client-far.pem": TEST_CERTIFICATE,
        "client-far.key": TEST_KEY,
      },
    });
    expect(tls).toEqual({
      serverName: "far.lab.internal",
      caCertificate: TEST_CERTIFICATE,
      client: identity,
    });
    expect(stepInput(at(resources, COMMAND, "lab-far-guard"))).toMatchObject({
      endpoint: ONLY.host,
      files: { "server.key": TEST_KEY, "client.pem": TEST_CERTIFICATE },
    });
  });

  test("its host gets nginx's image too, and no other host does", async () => {
    const balancer = { image: pulumi.output(Promise.resolve("nginx:own")) };
    const { resources } = await build({
      nodes: [{ name: "near" }, ONLY, { name: "open", host: "ssh://ops@rack2.lan" }],
      image: "ollama:1",
      balancer,
    });
    const images = resources.filter(({ name }) => name.endsWith("-images")).map(stepInput);
    expect(images.map(({ endpoint, images }) => [endpoint, images])).toEqual([
      ["unix:///var/run/docker.sock", ["ollama:1"]],
      ["ssh://ops@rack1.lan", ["nginx:own", "ollama:1"]],
      ["ssh://ops@rack2.lan", ["ollama:1"]],
    ]);
  });

  test("certificates that end soon are said so, with the command that renews them", async () => {
    const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2126-09-01") });
    try {
      await build({ nodes: [{ name: "near" }, ONLY] });
    } finally {
      vi.useRealTimers();
    }
    const said = warn.mock.calls.map(([text]) => text);
    warn.mockRestore();
    expect(said).toEqual([
      expect.stringMatching(
        /^node far: the balancer's access ends on Oct 28 .* 2126 GMT; renew it: pulumi up --replace '\*\*::lab-far-link'$/,
      ),
    ]);
  });
});
