import { describe, expect, test } from "vitest";

import type { BalancerContainer } from "../../../../../steps/balancer/front/find-balancer.ts";
import { giveAddress } from "../../../../../steps/balancer/front/give-address.ts";
import { dockerEngine } from "../../../../../steps/engine/docker-engine.ts";
import { StepError } from "../../../../../steps/step-error.ts";
import { standInDocker } from "../../../../support/stand-in-docker.ts";

const BALANCER = {
  endpoint: "unix:///run/nowhere.sock",
  container: "lab-balancer",
  volume: "lab-config",
  network: "lab-network",
};
const container = (id: string, ...networks: string[]): BalancerContainer => ({
  ...{ id, running: true, status: "running", image: "nginx:1", created: "2026", networks },
  ports: ["127.0.0.1:11434"],
});
const give = (front: BalancerContainer, ...others: BalancerContainer[]) =>
  giveAddress(dockerEngine(BALANCER.endpoint), BALANCER, front, "10.0.0.2", others);

describe("a front", () => {
  test("that has its address is left alone", async () => {
    const { commands } = standInDocker("");
    await give(container("new", "lab-network"));
    expect(commands()).toEqual([]);
  });

  test("takes it where nobody has it", async () => {
    const { commands } = standInDocker("");
    await give(container("new", "none"), container("gone"));
    expect(commands()).toEqual([
      "network disconnect none new",
      "network connect --ip 10.0.0.2 lab-network new",
    ]);
  });

  test("takes it from another one, in two commands that follow each other", async () => {
    const { commands } = standInDocker("");
    await give(container("new", "none"), container("old", "lab-network"));
    expect(commands()).toEqual([
      "network disconnect none new",
      "kill old",
      "network connect --ip 10.0.0.2 lab-network new",
    ]);
  });

  test("with other ports serves beside the one before, at an address that is kept free", async () => {
    const { commands } = standInDocker(
      'case "$*" in *"network inspect"*) echo "10.0.0.2/20 10.0.0.6/20 10.0.0.77/20 " ;; esac',
    );
    const other = { ...container("old", "lab-network"), ports: ["127.0.0.1:80"] };
    await give(container("new", "none"), other);
    expect(commands().filter((each) => !each.includes("inspect"))).toEqual([
      "network disconnect none new",
      "network connect --ip 10.0.0.7 lab-network new",
    ]);
  });

  test("that gets no ports gives it back", async () => {
    const { commands } = standInDocker(
      'case "$*" in *"connect --ip"*new) echo "Error response from daemon: port is already allocated" >&2; exit 1 ;; esac',
    );
    await expect(give(container("new"), container("old", "lab-network"))).rejects.toEqual(
      new StepError(
        "the balancer lab-balancer on unix:///run/nowhere.sock gets no ports: Error response from daemon: port is already allocated; the one before serves again; mend that and run pulumi up again",
      ),
    );
    expect(commands()).toEqual([
      "kill old",
      "network connect --ip 10.0.0.2 lab-network new",
      "network disconnect --force lab-network new",
      "start old",
    ]);
  });
});
