import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { assignAddresses, balancerAddresses, watcherAddress } from "../../../plan/addresses.ts";
import { defaultSubnet, parseSubnet } from "../../../config/subnet.ts";

const SUBNET = "10.25.240.0/20";
const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
const names = fc.uniqueArray(name, { maxLength: 60 });
const subnet = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 16, max: 24 }))
  .map(([second, bits]) => `10.${second}.0.0/${bits}`);

/** The 32 bits of an address. */
const toNumber = (ip: string) => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

test("the balancer's are nobody else's", () => {
  const own = balancerAddresses(assignAddresses("10.25.240.0/20", []).balancer);
  expect(own).toEqual(["10.25.240.2", "10.25.240.6", "10.25.240.7", "10.25.240.8", "10.25.240.9"]);
  for (const program of ["prometheus", "grafana", "alertmanager"] as const) {
    expect(own).not.toContain(watcherAddress(SUBNET, program));
  }
});

describe("addresses of nodes", () => {
  test("are unique, in the subnet, and keep clear of network, gateway, balancer and broadcast", () => {
    fc.assert(
      fc.property(subnet, names, (cidr, all) => {
        const { nodes } = assignAddresses(cidr, all);
        const { first, bits } = parseSubnet(cidr)!;
        const base = toNumber(first.toString());
        const end = base + 2 ** (32 - bits) - 1;
        const given = [...nodes.values()].map(toNumber);
        expect([...nodes.keys()].sort()).toEqual(all.toSorted());
        expect(new Set(given).size).toBe(all.length);
        for (const ip of given) {
          expect(ip).toBeGreaterThanOrEqual(base + 16);
          expect(ip).toBeLessThan(end);
        }
      }),
    );
  });

  test("do not depend on the order of the nodes", () => {
    fc.assert(
      fc.property(subnet, names, (cidr, all) => {
        const one = assignAddresses(cidr, all);
        expect(assignAddresses(cidr, all.toReversed())).toEqual(one);
      }),
    );
  });

  test("a node that comes or goes moves no other but where its own address meets another's", () => {
    fc.assert(
      fc.property(names, name, (all, extra) => {
        fc.pre(!all.includes(extra));
        const before = assignAddresses(SUBNET, all).nodes;
        const after = assignAddresses(SUBNET, [...all, extra]).nodes;
        const alone = (each: string) => assignAddresses(SUBNET, [each]).nodes.get(each);
        const homes = [...all, extra].map(alone);
        fc.pre(new Set(homes).size === homes.length);
        expect(Object.fromEntries([...after].filter(([key]) => key !== extra))).toEqual(
          Object.fromEntries(before),
        );
      }),
    );
  });

  test("where two names meet, the later in the alphabet takes the next free address", () => {
    const homes = new Map<string, string>();
    const pair = (() => {
      for (let i = 0; ; i++) {
        const ip = assignAddresses("10.0.0.0/24", [`n${i}`]).nodes.get(`n${i}`)!;
        const other = homes.get(ip);
        if (other) return [other, `n${i}`].toSorted();
        homes.set(ip, `n${i}`);
      }
    })();
    const [first, second] = pair as [string, string];
    const { nodes } = assignAddresses("10.0.0.0/24", pair);
    const home = assignAddresses("10.0.0.0/24", [first]).nodes.get(first)!;
    expect(nodes.get(first)).toBe(home);
    expect(toNumber(nodes.get(second)!) - toNumber(home)).toBe(1);
  });

  test("a full subnet is filled to the last address, and not beyond", () => {
    const all = Array.from({ length: 239 }, (_, i) => `n${i}`);
    const { nodes } = assignAddresses("10.0.0.0/24", all);
    expect([...nodes.values()].map(toNumber).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 239 }, (_, i) => toNumber("10.0.0.16") + i),
    );
    expect(() => assignAddresses("10.0.0.0/24", [...all, "one-more"])).toThrow(
      "10.0.0.0/24 has no room for 240 nodes",
    );
  });

  test("gateway and balancer have the first two", () => {
    expect(assignAddresses(SUBNET, [])).toEqual({
      subnet: SUBNET,
      gateway: "10.25.240.1",
      balancer: "10.25.240.2",
      nodes: new Map(),
    });
  });

  test("what is no subnet is refused", () => {
    expect(() => assignAddresses("10.0.0.0/8", [])).toThrow("not a subnet: 10.0.0.0/8");
  });
});

describe("the subnet of a mesh without one", () => {
  test("is a valid /20 inside 10.0.0.0/8, the same for the same name", () => {
    fc.assert(
      fc.property(fc.string(), (mesh) => {
        const cidr = defaultSubnet(mesh);
        expect(parseSubnet(cidr)?.bits).toBe(20);
        expect(cidr).toMatch(/^10\./);
        expect(defaultSubnet(mesh)).toBe(cidr);
      }),
    );
  });

  test("differs between meshes, but for one pair in 4,096", () => {
    const subnets = Array.from({ length: 64 }, (_, i) => defaultSubnet(`ollama-mesh-stack${i}`));
    expect(new Set(subnets).size).toBeGreaterThanOrEqual(62);
  });

  test("never changes for a name that is in use", () => {
    expect(defaultSubnet("ollama-mesh-lab")).toBe("10.163.208.0/20");
  });
});
