import { expect, test } from "vitest";

import { isMeshNetwork, networkName } from "../../../plan/network-name.ts";

const FIRST = { name: "lab-network", subnet: "10.1.16.0/20" };
const SECOND = { name: "lab-net-999", subnet: "10.2.16.0/20" };

test.each([
  ["nothing is there", "10.1.16.0/20", [], "lab-network"],
  ["it is there", "10.1.16.0/20", [FIRST], "lab-network"],
  ["there is one with other addresses", "10.2.16.0/20", [FIRST], "lab-net-999"],
  ["the mesh has moved once", "10.2.16.0/20", [SECOND], "lab-net-999"],
  ["it is on its way", "10.2.16.0/20", [FIRST, SECOND], "lab-net-999"],
  ["it moves a second time", "10.3.16.0/20", [SECOND], "lab-net-998"],
  ["it moves on half way", "10.3.16.0/20", [FIRST, SECOND], "lab-net-998"],
])("the network's name where %s", (_, subnet, there, name) => {
  expect(networkName("lab", subnet, there)).toBe(name);
});

test("a later network comes before the others in the alphabet, as Docker sorts them", () => {
  const names = ["lab-network", "lab-net-999", "lab-net-998"];
  expect(names.toSorted()).toEqual(names.toReversed());
});

test.each([
  ["lab-network", true],
  ["lab-net-998", true],
  ["lab-net-9", false],
  ["lab-net", false],
  ["lab-net-NaN", false],
  ["lab.one-guard", false],
  ["lab-two-network", false],
])("%s is a network of the balancer: %s", (name, is) => {
  expect(isMeshNetwork("lab", name)).toBe(is);
});
