import { expect, test } from "vitest";

import { meshNetworks, parseNetworks } from "../../../../../steps/balancer/front/mesh-networks.ts";

test("of the networks with the mesh's label those of guards are left out", () => {
  const printed = "lab-network\nlab.one-guard\nlab-net-999\n";
  expect(meshNetworks("lab", printed)).toEqual(["lab-network", "lab-net-999"]);
});

test("networks are told with their subnets; what has none of IPv4 is left out", () => {
  const printed =
    "lab-network 10.1.16.0/20\nlab-net-999 10.2.16.0/20 fd00::/64\nother\nsix fd01::/64\n";
  expect(parseNetworks(printed)).toEqual([
    { name: "lab-network", subnet: "10.1.16.0/20" },
    { name: "lab-net-999", subnet: "10.2.16.0/20" },
  ]);
});
