// Networks in the way of a mesh's own, on an engine that says what a test gives it. Real ones: a Docker network in
// test/engine/mesh/bad-input.test.ts, a LAN in test/engine/steps/ssh.test.ts.
import { describe, expect, test } from "vitest";

import { DockerError } from "../../../../steps/engine/docker-engine.ts";
import { networkProblems } from "../../../../steps/hosts/subnet-conflicts.ts";

const MESH = { name: "lab-network", subnet: "10.20.16.0/20" };

/** An engine with these networks, "name subnet...", of which the first inspections fail. */
function engine(networks: string[], failures = 0) {
  return {
    docker: async (args: readonly string[]) => {
      if (args[1] === "ls") return networks.map((_, i) => `id${i}\n`).join("");
      if (failures-- > 0) throw new DockerError(args, "Error: No such network: id0");
      return networks.map((line) => `${line}\n`).join("");
    },
  };
}

const problems = (networks: string[], routes: string[] = []) =>
  networkProblems(engine(networks), MESH, routes);

describe("a network of the machine is in the way", () => {
  test.each([
    [
      "the LAN",
      "10.20.30.0/24 dev eth0 proto kernel scope link src 10.20.30.7",
      "eth0",
      "10.20.30.0/24",
    ],
    ["a LAN that is larger", "10.20.0.0/16 dev lan scope link", "lan", "10.20.0.0/16"],
    ["a peer of a VPN", "10.20.31.9 dev wg0 scope link", "wg0", "10.20.31.9/32"],
    ["one behind a router", "10.20.24.0/21 via 192.168.0.1 dev eth0", "eth0", "10.20.24.0/21"],
    ["the same one", "10.20.16.0/20 via 192.168.0.1 dev tun0", "tun0", "10.20.16.0/20"],
  ])("%s", async (_, route, device, network) => {
    expect(await problems([], [route])).toEqual([
      `the mesh's own network, 10.20.16.0/20, overlaps the network at its ${device} (${network}); declare another one, such as balancer.subnet: 172.30.0.0/20`,
    ]);
  });

  test.each([
    ["the default route", "default via 192.168.0.1 dev eth0"],
    ["another LAN", "192.168.0.0/24 dev eth0 proto kernel scope link src 192.168.0.7"],
    ["the next /20", "10.20.32.0/20 dev eth0 scope link"],
    ["a way to many networks", "10.0.0.0/8 dev tun0 scope link"],
    ["a bridge of Docker", "10.20.16.0/20 dev br-0123456789ab proto kernel scope link"],
    ["what is refused anyway", "unreachable 10.20.16.0/20 metric 4278198272"],
  ])("but not %s", async (_, route) => {
    expect(await problems([], [route])).toEqual([]);
  });
});

describe("a Docker network is in the way", () => {
  test("when they overlap; the one that is proposed overlaps none of all", async () => {
    expect(
      await problems(
        [
          "bridge 172.17.0.0/16",
          "host",
          "shop_default 10.20.0.0/16 fd00::/64",
          "other 172.30.0.0/16",
        ],
        ["10.20.30.0/24 dev eth0 scope link"],
      ),
    ).toEqual([
      "the mesh's own network, 10.20.16.0/20, overlaps its Docker network shop_default (10.20.0.0/16) and the network at its eth0 (10.20.30.0/24); declare another one, such as balancer.subnet: 172.29.0.0/20",
    ]);
  });

  test("but not the mesh's own, with this subnet or the one it had; nor is anything else, once it is there", async () => {
    expect(await problems([`${MESH.name} 10.20.16.0/21`])).toEqual([]);
    const lan = "10.20.30.0/24 dev eth0 scope link";
    expect(await problems([`${MESH.name} ${MESH.subnet}`], [lan])).toEqual([]);
    expect(await problems([`${MESH.name} 10.99.0.0/20`], [lan])).toHaveLength(1);
  });

  test("one that is removed while it is asked for is forgotten", async () => {
    expect(await networkProblems(engine(["other 10.20.16.0/24"], 2), MESH, [])).toHaveLength(1);
    expect(await networkProblems(engine(["other 10.20.16.0/24"], 99), MESH, [])).toEqual([]);
  });

  test("what the engine says otherwise is no reason to go on", async () => {
    const failing = new DockerError(["network"], "Error response from daemon: out of memory");
    const docker = async (args: readonly string[]) => {
      if (args[1] === "ls") return "id0\n";
      throw failing;
    };
    await expect(networkProblems({ docker }, MESH, [])).rejects.toBe(failing);
  });
});

test("a host without the balancer is asked nothing", async () => {
  expect(await networkProblems(engine([], 99), undefined, [])).toEqual([]);
});
