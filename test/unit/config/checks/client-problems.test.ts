// Settings that go by a client's address, against what can be known of it where clients come in.
import { describe, expect, test } from "vitest";

import type { BalancerArgs } from "../../../../config/balancer-args.ts";
import { messageOf, problemPaths } from "../../../support/config-problems.ts";

const NODES = [{ name: "a" }, { name: "b" }];
const KEYS = [{ name: "anna", key: "client-0123456789abcdef" }];
const paths = (address: string, balancer: BalancerArgs) =>
  problemPaths({ nodes: NODES, balancer: { listen: { address }, ...balancer } });

const BY_ADDRESS: [string, BalancerArgs, string][] = [
  ["allow", { access: { allow: ["fd00::/8"] } }, "balancer.access.allow"],
  ["deny", { access: { deny: ["192.0.2.0/24"] } }, "balancer.access.deny"],
  ["trustedProxies", { access: { trustedProxies: ["fd00::2"] } }, "balancer.access.trustedProxies"],
  ["limits without keys", { access: { limits: { concurrent: 2 } } }, "balancer.access.limits"],
  ["ip_hash", { algorithm: "ip_hash" }, "balancer.algorithm"],
  ["hash of the client", { algorithm: "hash", hashKey: "client" }, "balancer.hashKey"],
];

describe("where clients come over IPv6, which Docker hands on by an address of its own", () => {
  test.each(BY_ADDRESS)("%s is refused", (_, balancer, path) => {
    for (const address of ["::", "fd00::10", "2001:db8::1"]) {
      expect(paths(address, balancer)).toEqual([path]);
    }
  });

  test.each(BY_ADDRESS)("and %s is not where IPv4 is declared", (_, balancer) => {
    for (const address of ["0.0.0.0", "192.168.1.10"]) expect(paths(address, balancer)).toEqual([]);
  });

  test("limits by key, cookies and headers go on", () => {
    const access = { apiKeys: KEYS, limits: { concurrent: 2 } };
    expect(paths("::", { access, sticky: { cookie: "mesh" } })).toEqual([]);
    expect(paths("::", {})).toEqual([]);
  });

  test("the message has the way out", () => {
    const balancer = { listen: { address: "::" }, access: { allow: ["fd00::/8"] } };
    expect(messageOf({ nodes: NODES, balancer })).toContain(
      "balancer.access.allow  goes by the client's address, which cannot be known at ::: over IPv6 Docker hands clients on by an address of its own; use keys (balancer.access.apiKeys), or listen on 0.0.0.0 or an IPv4 address of the host",
    );
  });
});

describe("at a loopback address, where every client is 127.0.0.1", () => {
  test.each<[string, string, BalancerArgs["access"], string[]]>([
    ["allow without it", "127.0.0.1", { allow: ["192.168.0.0/16"] }, ["balancer.access.allow"]],
    ["by default, too", "127.0.0.1", { allow: ["10.0.0.0/8"] }, ["balancer.access.allow"]],
    ["on ::1", "::1", { allow: ["::1"] }, ["balancer.access.allow"]],
    ["deny with it", "127.0.0.1", { deny: ["127.0.0.0/8"] }, ["balancer.access.deny"]],
    ["allow with it", "127.0.0.1", { allow: ["127.0.0.1", "192.168.0.0/16"] }, []],
    ["its network", "127.0.0.1", { allow: ["127.0.0.0/8"] }, []],
    ["all networks", "::1", { allow: ["0.0.0.0/0"] }, []],
    ["deny of others", "127.0.0.1", { deny: ["192.168.0.0/16"] }, []],
    [
      "behind a proxy, which tells of others",
      "127.0.0.1",
      { allow: ["192.168.0.0/16"], trustedProxies: ["127.0.0.1"] },
      [],
    ],
    ["elsewhere", "0.0.0.0", { allow: ["192.168.0.0/16"] }, []],
  ])("%s", (_, address, access = {}, expected) => {
    expect(paths(address, { access })).toEqual(expected);
  });

  test("the message has the way out", () => {
    const balancer = { access: { allow: ["192.168.0.0/16"] } };
    expect(messageOf({ nodes: NODES, balancer })).toContain(
      "balancer.access.allow  must hold 127.0.0.1, or nobody may come in: all clients that come to 127.0.0.1 are 127.0.0.1, this machine itself; add it, or listen on 0.0.0.0 or another address of the host (balancer.listen.address)",
    );
  });
});
