import * as pulumi from "@pulumi/pulumi";
import { expect, onTestFinished, test, vi } from "vitest";

import { balancerWarnings } from "../../../config/checks/warnings.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { OllamaMesh } from "../../../components/ollama-mesh.ts";
import { record } from "../../support/mocks.ts";

const TWO = [{ name: "a" }, { name: "b" }];
const EXTERNAL = { name: "x", managed: false, address: "10.0.0.1" };
const KEYS = { apiKeys: [{ name: "anna", key: "test-key-of-anna-0001" }] };
const warnings = (nodes: object[], balancer: object = {}, rest: object = {}) =>
  balancerWarnings(parseMesh({ nodes, balancer, ...rest })).map(
    ({ path, text }) => `${path}  ${text}`,
  );
const TLS = { certificateFile: "/etc/tls/c.pem", keyFile: "/etc/tls/k.pem" };

test.each<[string, object[], object, object, RegExp[]]>([
  ["two nodes and nothing else", TWO, {}, {}, []],
  [
    "a key that has expired",
    TWO,
    { access: { apiKeys: [{ ...KEYS.apiKeys[0], expires: "2026-01-31" }] } },
    {},
    [
      /^balancer\.access\.apiKeys\[0\]\.expires {2}is 2026-01-31, which is over: the key of anna is refused; take it out, or give it a later day$/,
    ],
  ],
  [
    "a burst of no rate",
    TWO,
    { access: { limits: { burst: 5, concurrent: 2 } } },
    {},
    [
      /^balancer\.access\.limits\.burst {2}limits nothing without requestsPerMinute; declare that, or leave it out$/,
    ],
  ],
  ["a burst of a rate", TWO, { access: { limits: { burst: 5, requestsPerMinute: 9 } } }, {}, []],
  [
    "a key that will",
    TWO,
    { access: { apiKeys: [{ ...KEYS.apiKeys[0], expires: "2999-01-31" }] } },
    {},
    [],
  ],
  [
    "requests at a time that the balancer is not told of",
    [
      { name: "a", ollama: { environment: { OLLAMA_NUM_PARALLEL: "8" } } },
      { name: "b", places: 8, ollama: { environment: { OLLAMA_NUM_PARALLEL: "8" } } },
    ],
    {},
    {},
    [
      /^nodes\[0\]\.ollama\.environment\.OLLAMA_NUM_PARALLEL {2}is not what the balancer goes by: it reckons with 2 requests at a time; declare ollama\.numParallel instead$/,
    ],
  ],
  [
    "the same of all nodes, once",
    TWO,
    {},
    { ollama: { numParallel: 3, environment: { OLLAMA_NUM_PARALLEL: "8" } } },
    [/^ollama\.environment\.OLLAMA_NUM_PARALLEL {2}is not .* reckons with 3 requests/],
  ],
  [
    "that nothing reckons with",
    TWO,
    { routing: "plain" },
    { ollama: { environment: { OLLAMA_NUM_PARALLEL: "8" } } },
    [],
  ],
  ["one node", [{ name: "a" }], {}, {}, [/^nodes {2}has one node: .*; add a second one/]],
  ["one server by address", [EXTERNAL], {}, {}, [/^nodes {2}has one node/]],
  ["one by name, which may be several", [{ ...EXTERNAL, address: "gpu.lan" }], {}, {}, []],
  ["a node and a backup", [{ name: "a" }, { ...EXTERNAL, backup: true }], {}, {}, []],
  [
    "all in maintenance",
    TWO.map((node) => ({ ...node, maintenance: true })),
    {},
    {},
    [/^nodes {2}are all in maintenance: clients get 503; /],
  ],
  [
    "only backups left",
    [
      { name: "a", maintenance: true },
      { ...EXTERNAL, backup: true },
    ],
    {},
    {},
    [/^nodes {2}that are no backups are all in maintenance: /],
  ],
  [
    "strict with HTTPS",
    [{ name: "a" }, { ...EXTERNAL, address: "gpu.lan", tls: {} }],
    { retry: { profile: "strict" } },
    {},
    [/^nodes\[1\]\.tls {2}with balancer\.retry\.profile strict: /],
  ],
  [
    "strict with a node for the balancer only",
    [{ name: "a" }, { name: "b", host: "ssh://ops@gpu.lan", access: "balancerOnly" }],
    { retry: { profile: "strict" } },
    {},
    [/^nodes\[1\]\.access {2}balancerOnly with balancer\.retry\.profile strict: /],
  ],
  [
    "a read time-out below Ollama's silence",
    TWO,
    { readTimeoutSeconds: 120 },
    {},
    [/^balancer\.readTimeoutSeconds {2}is 120, and Ollama may load .* for 300: /],
  ],
  [
    "the same with a load time-out declared",
    TWO,
    { readTimeoutSeconds: 120 },
    { ollama: { loadTimeout: "30s" } },
    [],
  ],
  [
    "the same for other servers",
    [EXTERNAL, { ...EXTERNAL, name: "y", port: 1 }],
    { readTimeoutSeconds: 120 },
    {},
    [],
  ],
  [
    "a read time-out below the retry budget",
    TWO,
    { readTimeoutSeconds: 10 },
    { ollama: { loadTimeout: "9s" } },
    [/^balancer\.readTimeoutSeconds {2}is 10, below retry\.timeoutSeconds \(120\): /],
  ],
  [
    "no failures counted",
    TWO,
    { maxFails: 0, algorithm: "round_robin" },
    {},
    [/^balancer\.maxFails {2}is 0: .* waits up to 2 s; use 10/],
  ],
  [
    "keys in plain text",
    TWO,
    { access: KEYS, listen: { address: "0.0.0.0" } },
    {},
    [/^balancer\.access\.apiKeys {2}go over the network in plain text.*; declare balancer\.tls/],
  ],
  ["keys with TLS", TWO, { access: KEYS, listen: { address: "0.0.0.0" }, tls: TLS }, {}, []],
  ["keys on the loopback", TWO, { access: KEYS }, {}, []],
  [
    "keys behind a proxy that may end TLS",
    TWO,
    { access: { ...KEYS, trustedProxies: ["10.0.0.2"] }, listen: { address: "0.0.0.0" } },
    {},
    [],
  ],
  [
    "management for everybody",
    TWO,
    { management: { address: "0.0.0.0", port: 1 } },
    {},
    [/^balancer\.management\.address {2}is 0\.0\.0\.0, .*; use 127\.0\.0\.1/],
  ],
  [
    "management on a private network",
    TWO,
    { management: { address: "10.1.2.3", port: 1 } },
    {},
    [],
  ],
])("%s", (_what, nodes, balancer, rest, expected) => {
  const found = warnings(nodes, balancer, rest);
  expect(found).toEqual(expected.map((pattern) => expect.stringMatching(pattern) as string));
});

test("nothing that is declared as a key stands in a warning", () => {
  const all = warnings(TWO, { access: KEYS, listen: { address: "0.0.0.0" } });
  expect(all.join("\n")).not.toContain("test-key");
});

test("a mesh shows its warnings on itself, before any resource", async () => {
  const shown = vi.spyOn(pulumi.log, "warn").mockResolvedValue();
  onTestFinished(() => shown.mockRestore());
  await record(async () => new OllamaMesh("lab", { nodes: [{ name: "a" }] }));
  expect(shown).toHaveBeenCalledExactlyOnceWith(
    expect.stringContaining("nodes  has one node"),
    expect.any(OllamaMesh),
  );
});
