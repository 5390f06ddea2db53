// What follows from a config for the balancer, and for the roll-out.
import { describe, expect, test } from "vitest";

import type { OllamaMeshArgs } from "../../../config/mesh-args.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { verdictSource } from "../../../plan/verdict-source.ts";

const plan = (args: OllamaMeshArgs) => planMesh("lab", parseMesh(args));

test("settings of the balancer and the roll-out stand over the defaults, one by one", () => {
  const { balancer, rollout } = plan({
    nodes: [{ name: "a" }],
    balancer: {
      listen: { port: 80 },
      keepalive: { connections: 8 },
      subnet: "172.30.7.0/24",
      retry: { tries: 2 },
    },
    rollout: { warmUp: false, drainTimeoutSeconds: 5 },
  });
  expect([
    balancer.listen,
    balancer.keepalive,
    balancer.addresses.subnet,
    balancer.retry.tries,
    balancer.maxFails,
  ]).toEqual([
    { address: "127.0.0.1", port: 80 },
    { connections: 8, timeoutSeconds: 60, requests: 1000 },
    "172.30.7.0/24",
    2,
    10,
  ]);
  expect(rollout).toEqual({
    maxUnavailable: 1,
    drainTimeoutSeconds: 5,
    readyTimeoutSeconds: 600,
    warmUp: false,
    minimumFreeGib: 2,
  });
});

describe("what of the balancer is there only when it was declared", () => {
  const balancer = (args: OllamaMeshArgs["balancer"]) =>
    plan({ nodes: [{ name: "a" }], balancer: args! }).balancer;
  const OPTIONAL = ["tls", "management", "hashKey", "sticky", "resolver"];

  test("is absent in the plan of a mesh that says nothing of it", () => {
    expect(Object.keys(balancer({})).filter((key) => OPTIONAL.includes(key))).toEqual([]);
  });

  test("has the defaults of what goes with it", () => {
    expect(balancer({ management: { port: 11_435 } }).management).toEqual({
      address: "127.0.0.1",
      port: 11_435,
    });
    expect(balancer({ sticky: { header: "X-Session-ID" } }).sticky).toEqual({
      header: "X-Session-ID",
      expiresSeconds: 3600,
    });
    expect(balancer({ routes: { paths: [{ path: "/rerank" }] } }).routes).toEqual({
      set: "ollama",
      upgrade: false,
      paths: [{ path: "/rerank", methods: ["GET", "HEAD", "POST"] }],
    });
  });

  test("retry conditions are the profile's, or one's own", () => {
    const on = (retry: object) => balancer({ retry }).retry.on;
    expect(on({ profile: "strict" })).toEqual(["error", "timeout"]);
    expect(on({ profile: "llm" })).toEqual(on({}));
    expect(on({ on: ["http_429"] })).toEqual(["http_429"]);
  });
});

describe("the URL for clients", () => {
  const url = (balancer: OllamaMeshArgs["balancer"]) =>
    plan({ nodes: [{ name: "a", managed: false, address: "10.0.0.7" }], balancer: balancer! })
      .balancer.url;
  test.each<[OllamaMeshArgs["balancer"], string]>([
    [{}, "http://127.0.0.1:11434"],
    [{ listen: { address: "10.0.0.2", port: 80 } }, "http://10.0.0.2:80"],
    [{ listen: { address: "2001:db8::2" } }, "http://[2001:db8::2]:11434"],
    [{ listen: { address: "0.0.0.0" } }, "http://localhost:11434"],
    [{ listen: { address: "::" } }, "http://localhost:11434"],
    [
      { tls: { certificateFile: "/etc/a/c.pem", keyFile: "/etc/a/k.pem" } },
      "https://127.0.0.1:11434",
    ],
    [{ host: "ssh://admin@lb.lan:22", listen: { address: "0.0.0.0" } }, "http://lb.lan:11434"],
    [{ host: "ssh://lb", listen: { address: "::" }, address: "ai.lan" }, "http://ai.lan:11434"],
    [{ address: "2001:db8::3" }, "http://[2001:db8::3]:11434"],
  ])("%j: %s", (balancer, expected) => {
    expect(url(balancer)).toBe(expected);
  });

  test("may have a name that only ssh knows, which no URL may have", () => {
    const balancer = { host: "ssh://gpu.1", listen: { address: "0.0.0.0" } };
    const meshPlan = plan({ nodes: [{ name: "a", host: "ssh://a.lan" }], balancer });
    expect(verdictSource(meshPlan.balancer, meshPlan.nodes[0]!)).toEqual({
      via: "front",
      address: "gpu.1",
      port: 11434,
    });
  });

  test.each<[string, OllamaMeshArgs["balancer"], boolean]>([
    ["where every address of an ssh host is meant", { host: "ssh://lb" }, true],
    ["not of a host by TCP", { host: "tcp://lb:2376" }, false],
    ["not where it is declared", { host: "ssh://lb", address: "ai.lan" }, false],
  ])("is asked of ssh %s", (_, balancer, expected) => {
    const everywhere = { listen: { address: "0.0.0.0" }, ...balancer };
    const nodes = [{ name: "a", address: "10.0.0.7" }];
    expect(plan({ nodes, balancer: everywhere }).balancer.urlBySsh).toBe(expected);
  });
});
