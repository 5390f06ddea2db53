import { describe, expect, test } from "vitest";

import { problemsOf } from "../../../support/config-problems.ts";

const foreign = (address: string, more: object = {}) => ({
  nodes: [{ name: "a" }, { name: "b", managed: false, address, ...more }],
});

describe("a place that the balancer's container can never reach is refused, with what to declare", () => {
  test.each([
    ["127.0.0.1", "is the balancer's own container there"],
    ["127.8.9.10", "is the balancer's own container there"],
    ["::1", "is the balancer's own container there"],
    ["localhost", "is the balancer's own container there"],
    ["gpu.localhost", "is the balancer's own container there"],
    ["0.0.0.0", "is no address of a machine"],
    ["::", "is no address of a machine"],
    ["169.254.3.4", "is link-local"],
    ["fe80::1", "is link-local"],
    ["224.0.0.251", "is not the address of one machine"],
    ["255.255.255.255", "is not the address of one machine"],
    ["fd00::5", "is IPv6, which the mesh network has not"],
    ["2001:db8::7", "is IPv6, which the mesh network has not"],
    ["::ffff:10.0.0.7", "is IPv6, which the mesh network has not"],
    ["mac-studio.local", "is a name that only machines with mDNS"],
    ["gateway.docker.internal", "is a name that only Docker Desktop gives"],
  ])("%s", (address, why) => {
    const [problem, ...others] = problemsOf(foreign(address));
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ path: "nodes[1].address" });
    expect(problem!.text).toContain(why);
    expect(problem!.text).toContain(`got "${address}"`);
  });

  test("of a node that the mesh runs, too", () => {
    const nodes = [{ name: "a" }, { name: "b", address: "127.0.0.1", port: 8000 }];
    expect(problemsOf({ nodes })).toMatchObject([{ path: "nodes[1].address" }]);
  });

  test.each(["ssh://ops@localhost", "tcp://127.0.0.1:2375", "ssh://ops@[fd00::10]"])(
    "where it follows from the engine %s its address is missing",
    (host) => {
      const [problem, ...others] = problemsOf({ nodes: [{ name: "a" }, { name: "b", host }] });
      expect(others).toEqual([]);
      expect(problem).toMatchObject({ path: "nodes[1].address" });
      expect(problem!.text).toMatch(/^is missing; the balancer would look for the node at /);
    },
  );
});

test.each(["10.0.0.7", "172.17.0.1", "192.168.1.5", "100.64.0.3", "203.0.113.9", "gpu1", "a.lan"])(
  "%s may be reached",
  (address) => {
    expect(problemsOf(foreign(address))).toEqual([]);
  },
);

test("a node that is asked for nothing may be anywhere", () => {
  expect(problemsOf(foreign("127.0.0.1", { maintenance: true }))).toEqual([]);
  expect(problemsOf(foreign("fd00::5", { offline: true }))).toEqual([]);
});

describe("what the balancer's container itself would be asked for is refused", () => {
  const named = [{ name: "a" }, { name: "b", managed: false, address: "gpu1.lan" }];
  const image = "nginx:1.30.6-otel";
  const at = (balancer: object, nodes: object[] = named) => problemsOf({ nodes, balancer });

  test("a name server of this machine, where a node is given by name", () => {
    expect(at({ resolver: "127.0.0.53" })).toEqual([
      {
        path: "balancer.resolver",
        text: "must be reachable from the balancer's container, and 127.0.0.53 is that container itself; declare the server that your network has (resolvectl status shows it), or 127.0.0.11, which is Docker's own and asks it, got \"127.0.0.53\"",
      },
    ]);
    expect(
      at({ resolver: "::1" }, [{ name: "a" }, { name: "b", host: "ssh://gpu1" }]),
    ).toHaveLength(1);
    const byAddress = [{ name: "a" }, { name: "b", managed: false, address: "10.0.0.7" }];
    expect(at({ resolver: "127.0.0.53" }, byAddress)).toEqual([]);
    // Docker writes that one into the container's hosts file.
    const host = { ...byAddress[1], address: "host.docker.internal" };
    expect(at({ resolver: "127.0.0.53" }, [{ name: "a" }, host])).toEqual([]);
    expect(["127.0.0.11", "192.168.1.1"].flatMap((resolver) => at({ resolver }))).toEqual([]);
  });

  test.each(["localhost:4317", "http://127.0.0.1:4317", "https://LOCALHOST:4317", "[::1]:4317"])(
    "a collector at %s",
    (endpoint) => {
      const [problem, ...others] = at({ image, tracing: { endpoint } });
      expect(others).toEqual([]);
      expect(problem!.path).toBe("balancer.tracing.endpoint");
      expect(problem!.text).toMatch(/^must be reachable from the balancer's container, and .* is /);
    },
  );

  test.each([
    "collector:4317",
    "https://127.0.0.1.example:4317",
    "10.0.0.7:4317",
    "[fd00::1]:4317",
  ])("but not a collector at %s", (endpoint) => {
    expect(at({ image, tracing: { endpoint } })).toEqual([]);
  });

  test("a webhook, whose URL is not shown", () => {
    const hooks = ["http://localhost:8080/x", "https://127.0.0.1/x", "http://[::1]:80/x"];
    for (const webhook of hooks) {
      expect(problemsOf({ nodes: named, monitoring: { webhook } })).toEqual([
        {
          path: "monitoring.webhook",
          text: "must be reachable from Alertmanager's container, which is the machine in that URL; declare its host's address on the LAN",
        },
      ]);
    }
    expect(problemsOf({ nodes: named, monitoring: { webhook: "http://localhost.lan/x" } })).toEqual(
      [],
    );
  });
});
