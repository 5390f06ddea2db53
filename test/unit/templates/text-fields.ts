import fc from "fast-check";

import { TEST_CERTIFICATE, TEST_KEY } from "../../support/test-certificate.ts";

const EXTERNAL = [
  { name: "one", managed: false, address: "10.0.0.1" },
  { name: "two", managed: false, address: "gpu2.lan" },
];
export const mesh = (balancer: object, nodes: object[] = EXTERNAL) => ({ nodes, balancer });
const KEY = "test-key-of-anna-0001";
const FILES = { certificateFile: "/etc/nginx/tls/c.pem", keyFile: "/etc/nginx/tls/k.pem" };

/** A pool with both nodes, by a path. */
const POOLED = mesh(
  { pools: [{ name: "a-1", path: "/a" }] },
  EXTERNAL.map((node) => ({ ...node, pool: "a-1" })),
);

/** Every place that takes text, with a mesh in which it has an effect and some text that is fine there. */
export const FIELDS: Record<string, { beside?: object; fine: string[] }> = {
  "nodes.0.name": { fine: ["gpu-1", "a"] },
  "nodes.0.host": {
    beside: { nodes: [{ name: "one" }] },
    fine: ["ssh://ops@gpu1.lan", "tcp://a:1"],
  },
  "nodes.0.address": { fine: ["10.0.0.7", "gpu1.lan"] },
  "nodes.0.tls.serverName": {
    beside: { nodes: [{ ...EXTERNAL[0]!, tls: { serverName: "a" } }, EXTERNAL[1]!] },
    fine: ["gpu1.lan", "a-b.example.org"],
  },
  "nodes.0.apiKey": {
    beside: { nodes: [{ ...EXTERNAL[0]!, apiKey: "a" }, EXTERNAL[1]!] },
    fine: ["sk-a_b.c~d/e+f=", "1|a:b"],
  },
  "nodes.0.image": { beside: { nodes: [{ name: "one" }] }, fine: ["a/b:1"] },
  "nodes.0.models.0": { beside: { nodes: [{ name: "one" }] }, fine: ["llama3.2:3b"] },
  "nodes.0.gpus.vendor": { beside: { nodes: [{ name: "one" }] }, fine: ["amd"] },
  "nodes.0.ollama.keepAlive": { beside: { nodes: [{ name: "one" }] }, fine: ["5m"] },
  "nodes.0.ollama.loadTimeout": { beside: { nodes: [{ name: "one" }] }, fine: ["5m"] },
  "nodes.0.ollama.kvCacheType": { beside: { nodes: [{ name: "one" }] }, fine: ["f16"] },
  "nodes.0.ollama.environment.A": { beside: { nodes: [{ name: "one" }] }, fine: ["b"] },
  "models.0": { fine: ["llama3.2:3b"] },
  image: { fine: ["a:1"] },
  "balancer.host": { fine: ["ssh://lb.lan", "unix:///run/docker.sock"] },
  "balancer.image": { fine: ["nginx:1"] },
  "balancer.listen.address": { fine: ["0.0.0.0", "::1"] },
  "balancer.listen.addresses.0": {
    beside: mesh({ listen: { addresses: ["127.0.0.1"] } }),
    fine: ["0.0.0.0", "::1"],
  },
  "balancer.basePath": { fine: ["/ollama", "/a.b/c~d/e_f-g"] },
  "nodes.0.pool": { beside: POOLED, fine: ["a-1"] },
  "balancer.pools.0.name": { beside: POOLED, fine: ["a-1"] },
  "balancer.pools.0.path": { beside: POOLED, fine: ["/a", "/a.b/c~d/e_f-g"] },
  "balancer.pools.0.host": {
    beside: { ...POOLED, balancer: { pools: [{ name: "a-1", host: "a" }] } },
    fine: ["vllm.lan", "A-b.example.org"],
  },
  "balancer.networks.0": { fine: ["chat_default", "a.b-c"] },
  "balancer.algorithm": { fine: ["random", "ip_hash"] },
  "balancer.address": { fine: ["mesh.lan", "10.0.0.5", "2001:db8::5"] },
  "balancer.subnet": { fine: ["10.90.16.0/20"] },
  "balancer.hashKey": {
    beside: mesh({ algorithm: "hash" }),
    fine: ["uri", "client", "header:X-A", "cookie:a_b", "argument:user"],
  },
  "balancer.resolver": { fine: ["127.0.0.11", "2001:db8::53"] },
  "balancer.sticky.cookie": { fine: ["mesh", "_a-b"] },
  "balancer.sticky.header": { fine: ["X-Session-ID"] },
  "balancer.retry.profile": { fine: ["strict"] },
  "balancer.retry.on.0": { fine: ["http_429", "non_idempotent"] },
  "balancer.routes.set": { fine: ["all"] },
  "balancer.routes.paths.0.path": { fine: ["/", "/predict", "/files/", "/v1/chat/completions"] },
  "balancer.routes.paths.0.methods.0": {
    beside: mesh({ routes: { paths: [{ path: "/a" }] } }),
    fine: ["PATCH"],
  },
  "balancer.management.address": { beside: mesh({ management: { port: 1 } }), fine: ["::1"] },
  "balancer.access.allow.0": {
    beside: mesh({ listen: { address: "0.0.0.0" } }),
    fine: ["10.1.2.3/8", "::/0", "2001:db8::1"],
  },
  "balancer.access.deny.0": {
    beside: mesh({ listen: { address: "0.0.0.0" } }),
    fine: ["0.0.0.0/0", "::ffff:10.0.0.1"],
  },
  "balancer.access.trustedProxies.0": { fine: ["10.0.0.0/8", "fd00::/8"] },
  "balancer.access.corsOrigins.0": {
    fine: ["*", "https://a.example", "http://localhost:3000", "app://*", "http://[::1]:*"],
  },
  "balancer.access.apiKeys.0.name": {
    beside: mesh({ access: { apiKeys: [{ name: "a", key: KEY }] } }),
    fine: ["anna", "ci@example.org"],
  },
  "balancer.access.apiKeys.0.key": {
    beside: mesh({ access: { apiKeys: [{ name: "a", key: KEY }] } }),
    fine: ["~~~~~~~~~~~~~~~~", "a.b+c/d=e-f_g~00", KEY],
  },
  "balancer.tls.certificate": {
    beside: mesh({ tls: { certificate: "", key: TEST_KEY, redirectPort: 1 } }),
    fine: [TEST_CERTIFICATE],
  },
  "balancer.tls.key": {
    beside: mesh({ tls: { certificate: TEST_CERTIFICATE, key: "" } }),
    fine: [TEST_KEY],
  },
  "balancer.tls.certificateFile": {
    beside: mesh({ tls: FILES }),
    fine: ["/etc/nginx/tls/a.pem", "/etc/nginx/tls/a@b-c.pem"],
  },
  "balancer.tls.keyFile": { beside: mesh({ tls: FILES }), fine: ["/etc/nginx/tls/a.key"] },
};

/** Anything: bytes, Unicode, pieces of nginx's own syntax, and text that is fine with something changed. */
export const textFor = (fine: readonly string[]) => {
  const SYNTAX = [
    "$",
    "{",
    "}",
    ";",
    '"',
    "'",
    "\\",
    "#",
    "\n",
    "\r",
    " ",
    "\0",
    "~",
    ":",
    "/",
    "..",
  ];
  const piece = fc.oneof(
    fc.constantFrom(...SYNTAX),
    fc.constantFrom(
      "$host",
      "${host}",
      "daemon off",
      "default",
      "include",
      "0",
      "a",
      "A",
      "-",
      "%",
    ),
  );
  const changed = fc
    .tuple(fc.constantFrom(...fine), fc.nat(), piece, fc.nat({ max: 3 }))
    .map(([text, at, inserted, cut]) => {
      const from = at % (text.length + 1);
      return `${text.slice(0, from)}${inserted}${text.slice(from + cut)}`;
    });
  return fc.oneof(
    fc.constantFrom(...fine),
    { arbitrary: changed, weight: 4 },
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")),
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.string({ maxLength: 30 }),
  );
};
