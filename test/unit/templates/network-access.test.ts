// Whom nginx takes for the balancer's own machine: whoever comes by a gateway of Docker's.
import { expect, test } from "vitest";

import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";

const linesOf = (gateways: string[]) => {
  const access = { allow: ["127.0.0.1"], trustedProxies: ["127.0.0.1"] };
  const args = { nodes: [{ name: "a" }], balancer: { access, subnet: "10.1.16.0/20" } };
  const plan = planMesh("lab", parseMesh(args), { names: new Map(), gateways });
  return nginxConf(plan.balancer, plan.nodes)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^set_real_ip_from|^\S+ 127\.0\.0\.1;$/.test(line));
};

test("that of the mesh's own network, and of others where the ports may be", () => {
  expect(linesOf([])).toEqual([
    "set_real_ip_from 10.1.16.1/32;",
    "set_real_ip_from 127.0.0.1/32;",
    "10.1.16.1 127.0.0.1;",
  ]);
  expect(linesOf(["172.22.0.1"])).toEqual([
    "set_real_ip_from 10.1.16.1/32;",
    "set_real_ip_from 127.0.0.1/32;",
    "set_real_ip_from 172.22.0.1/32;",
    "10.1.16.1 127.0.0.1;",
    "172.22.0.1 127.0.0.1;",
  ]);
});

test("by it Docker may publish the management listener's port, too, which other joined networks do not lead to", () => {
  const reachedWith = (balancer: object, gateways: string[] = []) => {
    const args = { nodes: [{ name: "a" }], balancer: { subnet: "10.1.16.0/20", ...balancer } };
    const plan = planMesh("lab", parseMesh(args), { names: new Map(), gateways });
    const [, map = ""] =
      /map \$realip_remote_addr \$mesh_reached \{\n([^}]*)\}/.exec(
        nginxConf(plan.balancer, plan.nodes),
      ) ?? [];
    return map.split("\n").flatMap((line) => line.trim() || []);
  };
  const management = { port: 11435 };
  const networks = ["chat_default"];
  expect(reachedWith({ management, networks }, ["172.20.0.1"])).toEqual([
    "default $mesh_reached_at;",
    "172.20.0.1 here;",
  ]);
  expect(reachedWith({ management, networks })).toEqual(["default $mesh_reached_at;"]);
  expect(reachedWith({ management })).toEqual([]);
  expect(reachedWith({ management: { ...management, address: "192.168.1.2" }, networks })).toEqual(
    [],
  );
});
