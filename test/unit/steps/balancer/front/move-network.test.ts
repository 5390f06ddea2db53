import { describe, expect, test } from "vitest";

import { joinMesh, leaveMesh } from "../../../../../steps/balancer/front/move-network.ts";
import { StepError } from "../../../../../steps/step-error.ts";
import { standInDocker } from "../../../../support/stand-in-docker.ts";

const INPUT = {
  mesh: "lab",
  balancer: {
    endpoint: "unix:///run/nowhere.sock",
    container: "lab-balancer",
    volume: "lab-config",
    network: "lab-net-999",
  },
  address: "10.2.16.2",
};

/** An engine with both networks of a mesh, one of a guard, and a balancer that is in some of them. */
function engine(networks: readonly string[], { running = true, more = "" } = {}) {
  const inspected = JSON.stringify([
    {
      Id: "front",
      Created: "1",
      State: { Running: running, Status: running ? "running" : "exited" },
      Config: { Image: "nginx:1" },
      HostConfig: { NetworkMode: "none" },
      NetworkSettings: { Networks: Object.fromEntries(networks.map((name) => [name, {}])) },
    },
  ]);
  const { commands } = standInDocker(
    [
      `case "$3 $4" in`,
      `"container inspect") echo '${inspected}' ;;`,
      `"network ls") printf 'lab-network\\nlab-net-999\\nlab.one-guard\\n' ;;`,
      `*) true; ${more} ;;`,
      `esac`,
    ].join("\n"),
  );
  return () => commands().filter((each) => !/inspect|^network ls/.test(each));
}

describe("a balancer joins a network", () => {
  test("beside that in which it serves", async () => {
    const done = engine(["lab-network"]);
    expect(await joinMesh(INPUT)).toEqual({ joined: true });
    expect(done()).toEqual(["network connect --ip 10.2.16.2 lab-net-999 front"]);
  });

  test("while another one has the address that they share", async () => {
    const done = engine(["lab-network"]);
    await joinMesh({ ...INPUT, virtualAddress: "lab-balancer.address" });
    expect(done()).toEqual([
      "stop lab-balancer.address",
      "network connect --ip 10.2.16.2 lab-net-999 front",
      "start lab-balancer.address",
    ]);
  });

  test.each([
    ["it is in it", ["lab-network", "lab-net-999"], true],
    ["it is not in use yet", ["none"], true],
    ["it is in a guard's and somebody else's", ["lab.one-guard", "bridge"], true],
    ["it does not run", ["lab-network"], false],
  ])("but not where %s", async (_, networks, running) => {
    const done = engine(networks, { running });
    expect(await joinMesh(INPUT)).toEqual({ joined: false });
    expect(done()).toEqual([]);
  });

  test("and says that it serves on where that fails", async () => {
    engine(["lab-network"], { more: "echo 'Error: Address already in use' >&2; exit 1" });
    await expect(joinMesh(INPUT)).rejects.toEqual(
      new StepError(
        "the balancer lab-balancer on unix:///run/nowhere.sock cannot join the network lab-net-999: Error: Address already in use; it serves on in lab-network; mend that and run pulumi up again",
      ),
    );
  });
});

describe("a balancer leaves a network", () => {
  test("when it is in another one of the mesh", async () => {
    const done = engine(["lab-network", "lab-net-999"]);
    expect(await leaveMesh(INPUT)).toEqual({ left: true });
    expect(done()).toEqual(["network disconnect lab-net-999 front"]);
  });

  test.each([
    ["is in no other one", ["lab-net-999", "lab.one-guard"]],
    ["has left it", ["lab-network"]],
  ])("but not when it %s", async (_, networks) => {
    const done = engine(networks);
    expect(await leaveMesh(INPUT)).toEqual({ left: false });
    expect(done()).toEqual([]);
  });

  test("that is gone itself", async () => {
    standInDocker("echo 'Error: No such container: lab-balancer' >&2; exit 1");
    expect(await leaveMesh(INPUT)).toEqual({ left: false });
  });
});
