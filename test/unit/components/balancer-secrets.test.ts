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

/** The file of keys: each as it is, and as clients send it that know Basic only. */
function entriesOf(...names: (keyof typeof KEYS)[]): string {
  const lines = names.flatMap((name) => [
    `:${KEYS[name]} ${KEYS[name]}:${name};\n`,
    ...[`${name}:${KEYS[name]}`, `${KEYS[name]}:`]
      .map((text) => `Basic.${Buffer.from(text).toString("base64")}`)
      .map((sent) => `:${sent} ${sent}:${name};\n`),
  ]);
  return lines.toSorted().join("");
}

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
    const before = ["balancer-image", "balancer-joined", "balancer-ports"];
    const waitsFor = (...commands: string[]) => [
      ...commands.map((command) => `command:local:Command lab-${command}`),
      "docker:index/volume:Volume lab-balancer-config",
    ];
    expect(secrets.dependsOn).toEqual(waitsFor(...before, "local-preflight"));
    expect(one(resources, COMMAND, "lab-balancer-config").dependsOn).toEqual(
      waitsFor(...before, "balancer-secrets", "local-preflight"),
    );
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
        "api-keys.conf": entriesOf("anna", "ben"),
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

  test("the first key makes the step, and nginx anew, with a volume for its use; limits and quotas touch the config alone", async () => {
    expect(await changed({}, { access: { apiKeys } })).toEqual([
      "Command lab-balancer-config",
      "Command lab-balancer-secrets",
      "Command lab-balancer-usage-owner",
      "Container lab-balancer-nginx",
      "Volume lab-balancer-usage",
    ]);
    const limited = [{ ...apiKeys[0]!, tokensPerDay: 1000 }, apiKeys[1]!];
    expect(await changed({ access: { apiKeys } }, { access: { apiKeys: limited } })).toEqual([
      "Command lab-balancer-config",
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
      "api-keys.conf": entriesOf("anna"),
      "certificate.pem": TEST_CERTIFICATE,
      "key.pem": TEST_KEY,
    });
    expect(JSON.stringify(resources.map(({ inputs }) => inputs))).not.toMatch(/known.later/);
  });
});

describe("keys of nodes", () => {
  const KEY = "key-of-the-far-mesh-0007";
  const late = (key: string) => pulumi.output(Promise.resolve(key));
  const nodes = (apiKey: pulumi.Input<string>) => [
    { name: "one" },
    { name: "far", managed: false, address: "10.0.0.9", apiKey },
  ];
  const holders = (resources: Registered[], text: string) =>
    resources
      .flatMap(({ name, inputs }) =>
        Object.entries(inputs).flatMap(([key, input]) =>
          JSON.stringify(reveal(input)).includes(text)
            ? [{ input: `${name}.${key}`, secret: isSecret(input) }]
            : [],
        ),
      )
      .toSorted((a, b) => (a.input < b.input ? -1 : 1));

  test.each([
    ["plain", (key: string) => key],
    ["of another resource", late],
  ])("%s are told to the node's own step alone, secret there", async (_how, given) => {
    const { resources } = await build({ nodes: nodes(given(KEY)) });
    expect(holders(resources, KEY)).toEqual([{ input: "lab-far-admission.stdin", secret: true }]);
    expect(stepInput(one(resources, COMMAND, "lab-far-admission"))).toMatchObject({
      apiKey: KEY,
      hop: { files: { "key-far.conf": `proxy_set_header Authorization "Bearer ${KEY}";\n` } },
    });
    expect(JSON.stringify(resources.map(({ inputs }) => inputs))).not.toMatch(/known.later/);
  });

  test("of a service are told to the step that asks it whether it is ready, too; not to its container", async () => {
    const service = { name: "vllm", image: "vllm:1", service: { port: 8000 }, apiKey: KEY };
    const { resources } = await build({ nodes: [{ name: "one" }, service] });
    expect(holders(resources, KEY)).toEqual([
      { input: "lab-vllm-admission.stdin", secret: true },
      { input: "lab-vllm-ready.stdin", secret: true },
    ]);
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
