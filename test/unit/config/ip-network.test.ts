import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { canonicalIp, parseIp } from "../../../config/net/ip-address.ts";
import { cidr, overlap, parseIpNetwork } from "../../../config/net/ip-network.ts";
import {
  addressAt,
  freeNetwork,
  parseNetwork,
  type Ipv4Network,
} from "../../../config/net/ipv4-network.ts";
import { PRIVATE_NETWORKS, isLoopback, isPrivate } from "../../../config/net/private-networks.ts";

const network = fc
  .tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
  .map(([ip, bits]) => parseIpNetwork(`${ip}/${bits}`) as Ipv4Network);

describe("the one form of an address", () => {
  test.each([
    ["10.0.0.7", "10.0.0.7"],
    ["2001:DB8:0:0:0:0:0:7", "2001:db8::7"],
    ["2001:db8:0:1::", "2001:db8:0:1::"],
    ["::", "::"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["0:0:1:0:0:2:3:4", "::1:0:0:2:3:4"],
    ["::ffff:10.0.0.7", "::ffff:a00:7"],
    ["::10.0.0.7", "::a00:7"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
    ["gpu1.lan", "gpu1.lan"],
  ])("%s: %s", (text, form) => {
    expect(canonicalIp(text)).toBe(form);
  });

  test("is that of URLs, of whatever address", () => {
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        expect(`[${canonicalIp(ip)}]`).toBe(new URL(`http://[${ip}]`).hostname);
      }),
    );
  });

  test.each(["", "10", "0x7f.1", "010.0.0.1", "10.0.0", "10.0.0.256", "::g", "gpu1.lan"])(
    "%j is no address",
    (text) => expect(parseIp(text)).toBeUndefined(),
  );
});

describe("a network of either family", () => {
  test.each([
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["10.1.2.3/0", "0.0.0.0/0"],
    ["192.168.77.129/25", "192.168.77.128/25"],
    ["10.0.0.7", "10.0.0.7/32"],
    ["2001:DB8:FFFF::1/33", "2001:db8:8000::/33"],
    ["fd00::7", "fd00::7/128"],
    ["::10.1.2.3/104", "::a00:0/104"],
    ["::ffff:10.1.2.3/104", "::ffff:a00:0/104"],
    ["fe80::/010", "fe80::/10"],
  ])("%s is %s", (text, form) => {
    expect(cidr(parseIpNetwork(text)!)).toBe(form);
  });

  test.each(["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0/8", "::/-1", "x/8"])(
    "%j is none",
    (text) => expect(parseIpNetwork(text)).toBeUndefined(),
  );

  test("what is written is read again", () => {
    const ip = fc.oneof(fc.tuple(fc.ipV4(), fc.nat(32)), fc.tuple(fc.ipV6(), fc.nat(128)));
    fc.assert(
      fc.property(ip, ([first, bits]) => {
        const one = parseIpNetwork(`${first}/${bits}`)!;
        expect(parseIpNetwork(cidr(one))).toEqual(one);
      }),
    );
  });
});

describe("an IPv4 network", () => {
  test("what is written is read again", () => {
    fc.assert(
      fc.property(network, (one) => {
        expect(parseNetwork(cidr(one))).toEqual(one);
      }),
    );
  });

  test.each(["", "10.0.0.0/33", "10.0.0.1/24", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0", "::1", "x"])(
    "%j is none",
    (text) => expect(parseNetwork(text)).toBeUndefined(),
  );

  test("may be one address", () => {
    expect(cidr(parseNetwork("10.0.0.7")!)).toBe("10.0.0.7/32");
  });

  test("counts its addresses from the first one on, as far as there are any", () => {
    const at = (distance: number) => addressAt(parseNetwork("10.90.16.0/20")!, distance);
    expect([0, 1, 255, 256, 4095].map(at)).toEqual([
      ...["10.90.16.0", "10.90.16.1", "10.90.16.255", "10.90.17.0", "10.90.31.255"],
    ]);
    expect(() => addressAt(parseNetwork("255.255.255.0/24")!, 256)).toThrow(RangeError);
  });
});

describe("two networks overlap", () => {
  const meet = (a: string, b: string) => overlap(parseIpNetwork(a)!, parseIpNetwork(b)!);

  test.each([
    ["10.0.0.0/8", "10.200.16.0/20", true],
    ["10.0.0.0/24", "10.0.1.0/24", false],
    ["192.168.0.0/16", "192.168.255.255", true],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["172.16.0.0/20", "172.16.16.0/20", false],
    ["fd00::/8", "fd12:3456::/32", true],
    ["fd00::/16", "fd01::/16", false],
    ["::/0", "10.0.0.0/8", false],
    ["::ffff:10.0.0.0/104", "10.0.0.7", false],
  ])("%s and %s: %s", (a, b, expected) => {
    expect(meet(a, b)).toBe(expected);
    expect(meet(b, a)).toBe(expected);
  });
});

test("the network that is proposed overlaps none of those taken, as long as there is one", () => {
  expect(freeNetwork([])).toBe("172.30.0.0/20");
  expect(freeNetwork([parseNetwork("172.30.0.0/16")!])).toBe("172.29.0.0/20");
  expect(freeNetwork([parseNetwork("172.16.0.0/12")!])).toBe("172.30.0.0/20");
  fc.assert(
    fc.property(fc.array(network.filter(({ bits }) => bits > 12)), (taken) => {
      const free = parseNetwork(freeNetwork(taken))!;
      expect(taken.filter((other) => overlap(free, other))).toEqual([]);
    }),
  );
});

describe("private is an address of one's own machine or network", () => {
  test.each([
    ...["127.0.0.1", "127.255.255.255", "10.1.2.3", "172.16.0.1", "172.31.255.255"],
    ...["192.168.0.1", "100.64.0.1", "100.127.255.255"],
    ...["::1", "0:0:0:0:0:0:0:1", "fc00::1", "FD00::1", "fe80::1", "febf::1"],
  ])("%s is", (address) => {
    expect(isPrivate(address)).toBe(true);
  });

  test.each([
    ...["0.0.0.0", "9.255.255.255", "11.0.0.0", "172.15.0.1", "172.32.0.1", "192.169.0.1"],
    ...["100.63.0.1", "100.128.0.1", "169.254.0.1", "203.0.113.9"],
    ...["::", "::2", "fc::1", "fec0::1", "2001:db8::1", "localhost", ""],
  ])("%j is not", (address) => {
    expect(isPrivate(address)).toBe(false);
  });

  test("and the loopback is part of that", () => {
    const loopback = PRIVATE_NETWORKS.filter((each) => isLoopback(each.split("/")[0]!));
    expect(loopback).toEqual(["127.0.0.0/8", "::1"]);
    expect(["10.0.0.1", "::2", "0.0.0.0", "localhost"].filter(isLoopback)).toEqual([]);
  });
});
