// What the balancer's settings may say, one by one and together.
import { describe, expect, test } from "vitest";

import { RETRY_CONDITIONS } from "../../../config/schema/balancer-schema.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import {
  messageOf,
  pathOf,
  problemPaths,
  problemsOf,
  putAt,
  shownPath,
  withValue,
} from "../../support/config-problems.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";

const KEY = "test-key-of-anna-0001";
const FILES = { certificateFile: "/etc/ssl/mesh/c.pem", keyFile: "/etc/ssl/mesh/k.pem" };
const INLINE = { certificate: TEST_CERTIFICATE, key: TEST_KEY };

/** The problems of a mesh of two nodes with these settings of its balancer. */
const found = (balancer: object, nodes: object[] = [{ name: "a" }, { name: "b" }]) =>
  problemsOf({ nodes, balancer });

describe("valid", () => {
  const VALID: Record<string, readonly unknown[]> = {
    "balancer.hashKey": [],
    "balancer.algorithm": ["random"],
    "balancer.tls": [FILES, INLINE, { ...FILES, redirectPort: 80, hstsSeconds: 63_072_000 }],
    "balancer.tls.certificateFile": [],
    "balancer.access": [{}],
    "balancer.access.apiKeys": [
      [{ name: "anna", key: KEY }],
      [{ name: "ci@example.org", key: "._~+/=-_AZaz0123" }],
      [{ name: "A", key: "k".repeat(256) }],
      [{ name: "a", key: KEY, models: ["m", "hf.co/u/m:q4"], tokensPerDay: 1, requestsPerDay: 1 }],
      [{ name: "a", key: KEY, expires: "2028-02-29" }],
      [
        { name: "lower", key: KEY },
        { name: "upper", key: KEY.toUpperCase() },
      ],
    ],
    "balancer.access.allow": [
      ["127.0.0.1", "10.0.0.0/8"],
      ["127.0.0.0/8", "::1", "2001:db8::/32"],
      ["127.0.0.1", "192.168.1.7"],
      ["0.0.0.0/0", "::/0"],
    ],
    "balancer.access.deny": [["192.168.0.0/16", "::/0"], []],
    "balancer.access.trustedProxies": [["10.0.0.1"], ["fd00::/8"]],
    "balancer.access.corsOrigins": [
      ["*"],
      ["https://chat.example.org"],
      ["http://localhost:3000", "http://127.0.0.1"],
      ["app://*", "file://", "https://*.a.example", "http://localhost:*", "http://[fd00::1]:3000"],
      [],
    ],
    "balancer.access.limits": [
      {},
      { requestsPerMinute: 1, burst: 0 },
      { concurrent: 1 },
      { requestsPerMinute: 1_000_000, burst: 1_000_000, concurrent: 1_000_000 },
    ],
    "balancer.routes": [{}, { set: "ollama" }, { set: "all" }, { upgrade: true }],
    "balancer.routes.paths": [
      [{ path: "/" }],
      [{ path: "/predict" }, { path: "/predict/" }],
      [{ path: "/v1.0/a_b~c-d", methods: ["DELETE", "PATCH", "PUT", "OPTIONS"] }],
    ],
    "balancer.management": [{ port: 1 }, { address: "10.0.0.2", port: 65_535 }],
    "balancer.sticky": [
      { cookie: "mesh" },
      { cookie: "_a-b", expiresSeconds: 1 },
      { header: "X-Session-ID", expiresSeconds: 31_536_000 },
    ],
    "balancer.retry": [
      {},
      { profile: "llm" },
      { profile: "strict" },
      { on: [...RETRY_CONDITIONS] },
      { tries: 1, timeoutSeconds: 1 },
      { tries: 100, timeoutSeconds: 86_400 },
    ],
    "balancer.log": [{}, { driver: "journald", options: { tag: "mesh" } }, { samplePercent: 1 }],
    "balancer.keepalive": [{}, { requests: 1 }, { connections: 1, timeoutSeconds: 1 }],
    "balancer.keepalive.requests": [10_000_000],
    "balancer.nodeHeader": [true, false],
    "balancer.closeOnFailure": [true, false],
    "balancer.resolver": ["127.0.0.11", "2001:db8::53"],
    "balancer.maxFails": [1, 1000],
  };
  for (const [dotted, values] of Object.entries(VALID)) {
    test.for(values.map((value) => [JSON.stringify(value), value] as const))(
      `${dotted} %s`,
      ([, value]) => {
        const input = withValue(pathOf(dotted), value);
        expect(parseMesh(structuredClone(input))).toEqual(input);
      },
    );
  }

  test.each<object>([
    { endpoint: "collector:4317" },
    { endpoint: "http://10.0.0.7:1" },
    { endpoint: "https://traces.example.org:65535", samplePercent: 1, serviceName: "models: home" },
    { endpoint: "[2001:db8::7]:4317", samplePercent: 100, serviceName: "a" },
  ])("balancer.tracing %j, with an image that can", (tracing) => {
    expect(found({ image: "nginx:1.30.6-otel", tracing })).toEqual([]);
  });

  test.each(["uri", "client", "header:X-Session-ID", "cookie:session", "argument:user_id"])(
    "balancer.hashKey %s, with hash",
    (hashKey) => {
      expect(found({ algorithm: "hash", hashKey })).toEqual([]);
    },
  );
});

describe("invalid", () => {
  const PORTS = [0, 65_536, 1.5, "80", null, 1e21];
  const NETWORKS = ["10.0.0.0/33", "::/129", "10.0.0/8", "a.lan", "10.0.0.0/8/8", "fe80::1%eth0"];
  const WRONG: Record<string, readonly unknown[]> = {
    "balancer.hashKey": ["url", "header:", "header:X_A", "cookie:a-b", "header:X:Y", 1],
    "balancer.tls": [null, [], "/etc/ssl", 443],
    "balancer.tls.certificate": ["", "PEM", TEST_KEY, `x${TEST_CERTIFICATE}`],
    "balancer.tls.key": ["", "PEM", TEST_CERTIFICATE],
    "balancer.tls.certificateFile": ["c.pem", "//c.pem", "/a/../c.pem", "/a b", "/a\n", "/"],
    "balancer.tls.keyFile": ["~/k.pem", "/k$", "C:\\k.pem"],
    "balancer.tls.redirectPort": PORTS,
    "balancer.tls.hstsSeconds": [-1, 63_072_001, true],
    "balancer.access": [null, [], "all"],
    "balancer.access.apiKeys": [[], {}, "key", null],
    "balancer.access.apiKeys.0": ["key", null, []],
    "balancer.access.apiKeys.0.name": ["", "a b", "-a", "a:b", "a".repeat(62), 'a"', "a\n"],
    "balancer.access.apiKeys.0.models": [[], "m", {}, null],
    "balancer.access.apiKeys.0.tokensPerDay": [0, -1, 1.5, "5", 1e13],
    "balancer.access.apiKeys.0.requestsPerDay": [0, -1, 1.5, "5", 1e10],
    "balancer.access.apiKeys.0.expires": [
      "",
      "2027-02-30",
      "31.3.2027",
      "2027-3-1",
      2027,
      "2027-03-31T00:00",
    ],
    "balancer.access.countTokens": ["yes", 1, null],
    "balancer.access.apiKeys.0.key": ["short", "k".repeat(257), `${KEY} `, `${KEY}:x`, `${KEY}"`],
    "balancer.access.allow": [[], "10.0.0.0/8"],
    "balancer.access.allow.0": NETWORKS,
    "balancer.access.deny.0": NETWORKS,
    "balancer.access.trustedProxies.0": NETWORKS,
    "balancer.access.corsOrigins.0": [
      "chat.example.org",
      "https://a/",
      "https://a:123456",
      "HTTPS://a",
      "https://A.example",
      "https://*.*.example",
      "https://a.example:80*",
      "app:",
      "null",
    ],
    "balancer.access.limits": [null, 4],
    "balancer.access.limits.requestsPerMinute": [0, 0.5, 1_000_001],
    "balancer.access.limits.burst": [-1],
    "balancer.access.limits.concurrent": [0, "4"],
    "balancer.routes": [null, "all"],
    "balancer.routes.set": ["Ollama", "", 1],
    "balancer.routes.paths": ["/a", {}],
    "balancer.routes.paths.0.path": ["", "a", "//a", "/a b", "/a?b", "/%41", "/a;b", "/é", "/(a)"],
    "balancer.routes.paths.0.methods": [[], "GET"],
    "balancer.routes.paths.0.methods.0": ["get", "TRACE", "CONNECT", "GET|POST", ".*"],
    "balancer.routes.upgrade": ["true", 1],
    "balancer.management": [null, 11_435],
    "balancer.management.port": PORTS,
    "balancer.management.address": ["localhost", "10.0.0.0/8", "*"],
    "balancer.sticky": [null, "cookie"],
    "balancer.sticky.cookie": ["", "1a", "a b", "a=b", "a;b", "a".repeat(62)],
    "balancer.sticky.header": ["", "X_A", "X:A", "-X", "X A"],
    "balancer.sticky.expiresSeconds": [0, 31_536_001],
    "balancer.retry": [null, "strict"],
    "balancer.retry.profile": ["strickt", "LLM", true],
    "balancer.retry.on": [[], "error"],
    "balancer.retry.on.0": ["http_418", "off", "updating", "error timeout"],
    "balancer.retry.tries": [0, 101],
    "balancer.retry.timeoutSeconds": [0, 86_401],
    "balancer.keepalive.requests": [0, 10_000_001],
    "balancer.log": [null, "journald"],
    "balancer.log.driver": ["", "-a", "a b", 1],
    "balancer.log.samplePercent": [0, 101, 0.5],
    "balancer.tracing": [null, "collector:4317"],
    "balancer.tracing.endpoint": [
      "",
      "collector",
      "collector:0",
      "collector:123456",
      "collector:65536",
      "grpc://collector:4317",
      "http://collector:4317/v1/traces",
      "a;b:4317",
      "a b:4317",
      "$host:4317",
      "user:secret@collector:4317",
    ],
    "balancer.tracing.samplePercent": [0, 101, "10"],
    "balancer.tracing.serviceName": ["", " a", "a;", "$a", 'a"', "a".repeat(101), "a\n"],
    "balancer.nodeHeader": ["yes", 0],
    "balancer.closeOnFailure": ["yes", 0],
    "balancer.resolver": ["dns.lan", "127.0.0.11:53", "fe80::1%eth0", "", 53],
    "nodes.0.drain": ["true", 1, null],
    "monitoring.webhook": ["", "alerts.lan", "ftp://a", "https:///hook", "https://a:99999/", 1],
  };
  for (const [dotted, values] of Object.entries(WRONG)) {
    test.for(values.map((value) => [String(JSON.stringify(value)), value] as const))(
      `${dotted} %s`,
      ([, value]) => {
        // What must stand beside it is there, so that only the value is wrong.
        const beside: Record<string, object> = {
          "balancer.access.apiKeys.0": { name: "anna", key: KEY },
          "balancer.routes.paths.0": { path: "/a" },
          "balancer.management": { port: 1 },
          "balancer.tracing": { endpoint: "collector:4317" },
        };
        const holder = Object.keys(beside).find((each) => dotted.startsWith(`${each}.`));
        const mesh = holder ? withValue(pathOf(holder), beside[holder]) : withValue(["models"], []);
        const paths = problemPaths(putAt(mesh as object, pathOf(dotted), value));
        expect(paths).toEqual([shownPath(dotted)]);
      },
    );
  }
});

describe("attacks", () => {
  const ATTACKS = [
    "../../../etc/passwd",
    "a; daemon off",
    "a} stream {",
    "$host",
    "${host}",
    "$(reboot)",
    "a\nb",
    "a\n",
    "a\r\nb",
    "a\u0000b",
    'a"b',
    "a'b",
    "a\\b",
    "a#b",
    "a b",
    "{{.Config}}",
    "é",
    "a\u202eb",
    "a".repeat(100_000),
  ];
  const TEXTS = [
    "balancer.hashKey",
    "balancer.sticky.cookie",
    "balancer.sticky.header",
    "balancer.resolver",
    "balancer.routes.set",
    "balancer.routes.paths.0.path",
    "balancer.routes.paths.0.methods.0",
    "balancer.retry.profile",
    "balancer.retry.on.0",
    "balancer.management.address",
    "balancer.access.allow.0",
    "balancer.access.deny.0",
    "balancer.access.trustedProxies.0",
    "balancer.access.corsOrigins.0",
    "balancer.access.apiKeys.0.name",
    "balancer.access.apiKeys.0.key",
    "balancer.tls.certificate",
    "balancer.tls.key",
    "balancer.tls.certificateFile",
    "balancer.tls.keyFile",
  ];
  test.each(TEXTS)("%s takes none of them", (dotted) => {
    // To a key, which is only ever compared, dots and slashes are letters.
    const attacks = dotted.endsWith(".apiKeys.0.key") ? ATTACKS.slice(1) : ATTACKS;
    for (const attack of attacks) {
      const message = messageOf(withValue(pathOf(dotted), attack));
      const lines = message
        .split("\n")
        .filter((line) => line.startsWith(`  ${shownPath(dotted)} `));
      expect(lines, attack.slice(0, 40)).toHaveLength(1);
      expect(message.length).toBeLessThan(1000);
    }
  });
});

describe("keys and certificates", () => {
  const SECRET = "Sw0rdfish-and-more-0001";
  const pem = (kind: string) => `-----BEGIN ${kind}-----\n${SECRET}\n-----END ${kind}`;
  const PLACES: Record<string, object> = {
    "a key that is too long": { access: { apiKeys: [{ name: "a", key: SECRET.repeat(20) }] } },
    "a key with a bad character": { access: { apiKeys: [{ name: "a", key: `${SECRET}!` }] } },
    "a key as a number's list": { access: { apiKeys: [{ name: "a", key: [SECRET] }] } },
    "a key without its name": { access: { apiKeys: [SECRET] } },
    "a key instead of the list": { access: { apiKeys: SECRET } },
    "a key as the name": { access: { apiKeys: [{ name: `${SECRET}!`, key: KEY }] } },
    "a key beside its place": { access: { apiKey: SECRET } },
    "the same key twice": {
      access: { apiKeys: ["a", "b"].map((name) => ({ name, key: SECRET })) },
    },
    "a certificate with a broken end": { tls: { certificate: pem("CERTIFICATE"), key: TEST_KEY } },
    "a private key with a broken end": {
      tls: { certificate: TEST_CERTIFICATE, key: pem("PRIVATE KEY") },
    },
    "a private key as a file": { tls: { ...FILES, keyFile: pem("PRIVATE KEY") } },
    "a private key for all of tls": { tls: pem("PRIVATE KEY") },
    "a private key without its certificate": { tls: { key: TEST_KEY.replace("MIG", SECRET) } },
  };
  test.each(Object.entries(PLACES))(
    "%s: one problem, and not a part of it shown",
    (_, balancer) => {
      const message = messageOf({ nodes: [{ name: "a" }], balancer });
      expect(message).toMatch(/^ollama-mesh: 1 problem in the configuration/);
      expect(message).not.toMatch(/Sw0rd|BEGIN|MIG/);
    },
  );
});

describe("a setting of another name", () => {
  test.each([
    [{ tls: { ...FILES, redirectport: 80 } }, "balancer.tls.redirectport", "redirectPort"],
    [{ access: { apikeys: [] } }, "balancer.access.apikeys", "apiKeys"],
    [{ access: { allowed: [] } }, "balancer.access.allowed", "allow"],
    [
      { access: { apiKeys: [{ name: "a", key: KEY, nam: "b" }] } },
      "balancer.access.apiKeys[0].nam",
      "name",
    ],
    [{ access: { limits: { concurent: 1 } } }, "balancer.access.limits.concurent", "concurrent"],
    [{ routes: { path: [] } }, "balancer.routes.path", "paths"],
    [
      { routes: { paths: [{ path: "/a", method: ["GET"] }] } },
      "balancer.routes.paths[0].method",
      "methods",
    ],
    [{ management: { port: 1, adress: "::1" } }, "balancer.management.adress", "address"],
    [
      { sticky: { cookie: "a", expireSeconds: 1 } },
      "balancer.sticky.expireSeconds",
      "expiresSeconds",
    ],
    [{ retry: { profil: "llm" } }, "balancer.retry.profil", "profile"],
    [{ keepalive: { request: 1 } }, "balancer.keepalive.request", "requests"],
    [{ resolvers: "::1" }, "balancer.resolvers", "resolver"],
  ])("%j", (balancer, path, meant) => {
    expect(found(balancer)).toEqual([{ path, text: `is not a setting; did you mean "${meant}"?` }]);
  });
});
