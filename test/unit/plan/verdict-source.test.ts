// Where a node on another machine asks whether it hangs.
import { expect, test } from "vitest";

import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { verdictSource } from "../../../plan/verdict-source.ts";

const sourceOf = (balancer: object) => {
  const plan = planMesh("lab", parseMesh({ nodes: [{ name: "a", host: "ssh://gpu1" }], balancer }));
  return verdictSource(plan.balancer, plan.nodes[0]!);
};
const at = (address: string, port = 11_434) => ({ via: "front", address, port });

test.each<[string, object, object | undefined]>([
  ["at the address for clients", { listen: { address: "10.0.0.9" } }, at("10.0.0.9")],
  [
    "at the name that is declared",
    { listen: { address: "0.0.0.0" }, address: "mesh.lan" },
    at("mesh.lan"),
  ],
  ["at the engine's", { host: "ssh://ops@rack1", listen: { address: "0.0.0.0" } }, at("rack1")],
  [
    "at an address that leads there, whichever comes first",
    { listen: { addresses: ["127.0.0.1", "10.0.0.9"] } },
    at("10.0.0.9"),
  ],
  ["at the same", { listen: { addresses: ["10.0.0.9", "127.0.0.1"] } }, at("10.0.0.9")],
  [
    "nowhere, where only the loopback is",
    { listen: { addresses: ["127.0.0.1", "::1"] } },
    undefined,
  ],
  [
    "nor at all addresses of a machine that nobody names",
    { listen: { address: "0.0.0.0" } },
    undefined,
  ],
  [
    "at the port that redirects, with TLS",
    {
      listen: { addresses: ["127.0.0.1", "10.0.0.9"] },
      tls: { certificateFile: "/t/c.pem", keyFile: "/t/k.pem", redirectPort: 8080 },
    },
    at("10.0.0.9", 8080),
  ],
])("%s", (_, balancer, expected) => {
  expect(sourceOf(balancer)).toEqual(expected);
});
