// The container that holds an address in its turn.
import { describe, expect, test } from "vitest";

import {
  holdAddress,
  withoutAddress,
} from "../../../../../steps/balancer/virtual-address/hold-address.ts";
import { dockerEngine } from "../../../../../steps/engine/docker-engine.ts";
import { standInDocker } from "../../../../support/stand-in-docker.ts";

const endpoint = "unix:///run/nowhere.sock";
const NOT_FOUND = 'echo "Error response from daemon: No such container: lab.address" >&2; exit 1';

describe("what interrupts a balancer", () => {
  const work = (container: string | undefined) =>
    withoutAddress(dockerEngine(endpoint), container, () => Promise.resolve("done"));

  test("is done while the other machine has the address", async () => {
    const { commands } = standInDocker("");
    expect(await work("lab.address")).toBe("done");
    expect(commands()).toEqual(["stop lab.address", "start lab.address"]);
  });

  test("is just done where no address is shared", async () => {
    const { commands } = standInDocker("");
    expect(await work(undefined)).toBe("done");
    expect(commands()).toEqual([]);
  });

  test("is just done where the container is not there yet", async () => {
    const { commands } = standInDocker(NOT_FOUND);
    expect(await work("lab.address")).toBe("done");
    expect(commands()).toEqual(["stop lab.address"]);
  });

  test("gives the machine its turn back when it fails", async () => {
    const { commands } = standInDocker("");
    const failing = withoutAddress(dockerEngine(endpoint), "lab.address", () =>
      Promise.reject(new Error("no ports")),
    );
    await expect(failing).rejects.toThrow("no ports");
    expect(commands()).toEqual(["stop lab.address", "start lab.address"]);
  });
});

test("the gate is done once keepalived runs", async () => {
  const running = JSON.stringify([
    {
      Id: "1",
      State: { Running: true, Status: "running", ExitCode: 0 },
      RestartCount: 0,
      Config: { Image: "k" },
    },
  ]);
  const { commands } = standInDocker(
    `case "$*" in *"container inspect"*) echo '${running}' ;; esac`,
  );
  expect(await holdAddress({ endpoint, container: "lab.address" })).toEqual({
    runs: "lab.address",
  });
  expect(commands()).toEqual([
    "container inspect lab.address",
    "update --pids-limit 32 lab.address",
    "exec lab.address test -s /run/keepalived/vrrp.pid",
  ]);
});
