// Under Pulumi's mocks: the balancer's keys and certificates stand in no plain input, and what a change of one
// touches. What this does not prove: what the engine writes into the state.
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test, vi } from "vitest";

import type { BalancerArgs, OllamaMeshArgs } from "../../../components/index.ts";
import { isSecret, one, record, reveal, stepInput, type Registered } from "../../support/mocks.ts";
import { build, COMMAND } from "../../support/recorded-mesh.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";

const KEYS = { anna: "test-key-of-anna-0001", ben: "test-key-of-ben-0002" } as const;
const apiKeys = Object.entries(KEYS).map(([name, key]) => ({ name, key }));

const resourcesOf = async (balancer: BalancerArgs, rest: Partial<OllamaMeshArgs> = {}) =>
  (await build({ nodes: [{ name: "one" }, { name: "two" }], balancer, ...rest })).resources;
const names = (resources: Registered[]) => resources.map(({ name }) => name);

describe("secret files", () => {
  let resources: Registered[];
  beforeAll(async () => {
    resources = await resourcesOf(
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
    const [old, now] = [inputs(await resourcesOf(before)), inputs(await resourcesOf(after))];
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
    const resources = await resourcesOf({
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
