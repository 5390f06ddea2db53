import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { cidr, freeNetwork, overlap, parseNetwork } from "../../../config/net/ipv4-network.ts";

const network = fc
  .tuple(fc.nat(2 ** 32 - 1), fc.integer({ min: 0, max: 32 }))
  .map(([ip, bits]) => ({ base: ip - (ip % 2 ** (32 - bits)), bits }));

test("what is written is read again", () => {
  fc.assert(
    fc.property(network, (one) => {
      expect(parseNetwork(cidr(one))).toEqual(one);
    }),
  );
});

test.each(["", "10.0.0.0/33", "10.0.0.1/24", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0", "::1", "x"])(
  "%j is no network",
  (text) => expect(parseNetwork(text)).toBeUndefined(),
);

test("one address is a network of one", () => {
  expect(parseNetwork("10.0.0.7")).toEqual({ base: 10 * 2 ** 24 + 7, bits: 32 });
});

describe("two networks overlap", () => {
  const meet = (a: string, b: string) => overlap(parseNetwork(a)!, parseNetwork(b)!);

  test.each([
    ["10.0.0.0/8", "10.200.16.0/20", true],
    ["10.0.0.0/24", "10.0.1.0/24", false],
    ["192.168.0.0/16", "192.168.255.255", true],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["172.16.0.0/20", "172.16.16.0/20", false],
  ])("%s and %s: %s", (a, b, expected) => {
    expect(meet(a, b)).toBe(expected);
    expect(meet(b, a)).toBe(expected);
  });
});

test("the network that is proposed overlaps none of those taken, as long as there is one", () => {
  expect(freeNetwork([])).toBe("172.30.0.0/20");
  fc.assert(
    fc.property(fc.array(network.filter(({ bits }) => bits > 12)), (taken) => {
      const free = parseNetwork(freeNetwork(taken))!;
      expect(taken.filter((other) => overlap(free, other))).toEqual([]);
    }),
  );
});
