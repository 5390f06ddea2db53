// Under Pulumi's mocks: what the front door's settings make of the balancer's resources, and that its
// secrets stand in no plain input. What this does not prove: what the engine writes into the state.
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test, vi } from "vitest";

import { OllamaMesh, type BalancerArgs, type OllamaMeshArgs } from "../../../components/index.ts";
import { isSecret, one, record, reveal, stepInput, type Registered } from "../../support/mocks.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";

const COMMAND = "command:local:Command";
const CONTAINER = "docker:index/container:Container";
const KEYS = { anna: "test-key-of-anna-0001", ben: "test-key-of-ben-0002" } as const;
const FILES = { certificateFile: "/etc/ssl/mesh/c.pem", keyFile: "/etc/ssl/mesh/k.pem" };
const apiKeys = Object.entries(KEYS).map(([name, key]) => ({ name, key }));

const build = async (balancer: BalancerArgs, rest: Partial<OllamaMeshArgs> = {}) => {
  const args = { nodes: [{ name: "one" }, { name: "two" }], balancer, ...rest };
  return (await record(() => new OllamaMesh("lab", args))).resources;
};
const container = (resources: Registered[]) => one(resources, CONTAINER, "lab-balancer").inputs;
const ports = (resources: Registered[]) => stepInput(one(resources, COMMAND, "lab-balancer-ports"));
const names = (resources: Registered[]) => resources.map(({ name }) => name);

describe("ports", () => {
  test("the management and the redirect port are published and checked beside the clients'", async () => {
    const resources = await build({
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
    const resources = await build({ tls: FILES });
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

describe("secret files", () => {
  let resources: Registered[];
  beforeAll(async () => {
    resources = await build(
      {
        access: { apiKeys },
        tls: { certificate: TEST_CERTIFICATE, key: TEST_KEY },
      },
      { ollama: { environment: { TOKEN: pulumi.secret("hunter2-in-the-environment") } } },
    );
  });

  test("are put into the volume by a step of their own, which the config waits for", () => {
    const secrets = one(resources, COMMAND, "lab-balancer-secrets");
    expect(secrets.inputs["create"]).toBe(
      'import("ollama-mesh/steps").then((steps) => steps.run("keepSecrets"))',
    );
    expect(secrets.inputs["update"]).toBe(secrets.inputs["create"]);
    expect(secrets.inputs).not.toHaveProperty("delete");
    expect(secrets.dependsOn).toEqual([
      "command:local:Command lab-balancer-image",
      "command:local:Command lab-local-preflight",
      "docker:index/network:Network lab-balancer-network",
      "docker:index/volume:Volume lab-balancer-config",
    ]);
    expect(one(resources, COMMAND, "lab-balancer-config").dependsOn).toEqual([
      "command:local:Command lab-balancer-image",
      "command:local:Command lab-balancer-secrets",
      "command:local:Command lab-local-preflight",
      "docker:index/network:Network lab-balancer-network",
      "docker:index/volume:Volume lab-balancer-config",
    ]);
  });

  test("are named by a hash that the config's step names too", () => {
    const secrets = stepInput(one(resources, COMMAND, "lab-balancer-secrets"));
    expect(secrets).toEqual({
      balancer: {
        endpoint: "unix:///var/run/docker.sock",
        container: "lab-balancer",
        volume: "lab-config",
        network: "lab-network",
      },
      image: "nginx:1.30.6",
      hash: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      files: {
        "api-keys.conf": `:${KEYS.anna} ${KEYS.anna}:anna;\n:${KEYS.ben} ${KEYS.ben}:ben;\n`,
        "certificate.pem": TEST_CERTIFICATE,
        "key.pem": TEST_KEY,
      },
    });
    expect(stepInput(one(resources, COMMAND, "lab-balancer-config"))["secrets"]).toBe(
      secrets["hash"],
    );
  });

  test("no key, certificate's key or secret environment value stands in any plain input", () => {
    const secret = [...Object.values(KEYS), TEST_KEY.slice(30, 90), "hunter2-in-the-environment"];
    const holders = resources.flatMap(({ name, inputs }) =>
      Object.entries(inputs).flatMap(([key, input]) => {
        const text = JSON.stringify(reveal(input))
          .replaceAll("\\\\n", "\n")
          .replaceAll("\\n", "\n");
        return secret.some((each) => text.includes(each))
          ? [{ input: `${name}.${key}`, secret: isSecret(input) }]
          : [];
      }),
    );
    expect(holders).toEqual([
      { input: "lab-balancer-secrets.stdin", secret: true },
      { input: "lab-one.envs", secret: true },
      { input: "lab-two.envs", secret: true },
    ]);
  });

  test("the config itself stands in plain text, so that a preview shows how it changes", () => {
    const { inputs } = one(resources, COMMAND, "lab-balancer-config");
    expect(isSecret(inputs["stdin"])).toBe(false);
    expect(String(inputs["stdin"])).toContain("include api-keys.conf;");
    expect(String(inputs["stdin"])).toContain("ssl_certificate_key key.pem;");
  });

  test("of the balancer's inputs only those of that step are secret", () => {
    const hidden = resources
      .filter(({ name }) => name.startsWith("lab-balancer"))
      .flatMap(({ name, inputs }) =>
        Object.entries(inputs).flatMap(([key, input]) =>
          isSecret(input) ? [`${name}.${key}`] : [],
        ),
      );
    expect(hidden).toEqual(["lab-balancer-secrets.stdin"]);
  });
});

describe("what a change of a key touches", () => {
  const inputs = (resources: Registered[]) =>
    new Map(resources.map(({ type, name, inputs }) => [`${type} ${name}`, JSON.stringify(inputs)]));
  const changed = async (before: BalancerArgs, after: BalancerArgs) => {
    const [old, now] = [inputs(await build(before)), inputs(await build(after))];
    const all = new Set([...old.keys(), ...now.keys()]);
    return [...all]
      .filter((name) => old.get(name) !== now.get(name))
      .map((each) => each.replace(/^\S+:/, ""))
      .toSorted();
  };

  test("the secret files and the config that names their hash; no container, no node", async () => {
    const other = [{ name: "anna", key: "test-key-of-anna-0009" }, apiKeys[1]!];
    expect(await changed({ access: { apiKeys } }, { access: { apiKeys: other } })).toEqual([
      "Command lab-balancer-config",
      "Command lab-balancer-secrets",
    ]);
  });

  test("the order of keys touches nothing", async () => {
    const turned = apiKeys.toReversed();
    expect(await changed({ access: { apiKeys } }, { access: { apiKeys: turned } })).toEqual([]);
  });

  test("the first key makes the step; limits touch the config alone", async () => {
    expect(await changed({}, { access: { apiKeys } })).toEqual([
      "Command lab-balancer-config",
      "Command lab-balancer-secrets",
    ]);
    expect(await changed({}, { access: { limits: { concurrent: 4 } } })).toEqual([
      "Command lab-balancer-config",
    ]);
  });
});

describe("values that other resources supply", () => {
  const late = <T>(value: T) => pulumi.output(Promise.resolve(value));

  test("keys and certificates arrive in the secret files, stand-ins nowhere", async () => {
    const resources = await build({
      access: { apiKeys: [{ name: "anna", key: late(KEYS.anna) }] },
      tls: { certificate: late(TEST_CERTIFICATE), key: late(TEST_KEY) },
    });
    const { files } = stepInput(one(resources, COMMAND, "lab-balancer-secrets"));
    expect(files).toEqual({
      "api-keys.conf": `:${KEYS.anna} ${KEYS.anna}:anna;\n`,
      "certificate.pem": TEST_CERTIFICATE,
      "key.pem": TEST_KEY,
    });
    expect(JSON.stringify(resources.map(({ inputs }) => inputs))).not.toMatch(/known.later/);
  });
});

describe("the program of this folder", () => {
  test("keys of a stack's config stay secret in the state, the config stays readable", async () => {
    vi.resetModules();
    const config = {
      "ollama-mesh:nodes": '["one"]',
      "ollama-mesh:models": "[]",
      "ollama-mesh:image": "",
      "ollama-mesh:ollama": "{}",
      "ollama-mesh:balancer": JSON.stringify({ access: { apiKeys } }),
      "ollama-mesh:rollout": "{}",
    };
    const { resources } = await record(() => import("../../../index.ts"), {
      stack: "lab",
      config,
      secretKeys: ["ollama-mesh:balancer"],
    });
    const plain = resources.filter(({ inputs }) =>
      Object.values(inputs).some(
        (input) => !isSecret(input) && JSON.stringify(input).includes(KEYS.anna),
      ),
    );
    expect(names(plain)).toEqual([]);
    const apply = one(resources, COMMAND, "ollama-mesh-lab-balancer-config");
    expect(isSecret(apply.inputs["stdin"])).toBe(false);
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
