// What `ollama-mesh restart` leaves alone, with a stand-in for the docker command.
import { expect, test } from "vitest";

import { restart } from "../../../../steps/nodes/restart.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const place = (endpoint: string) => {
  const balancer = {
    endpoint,
    container: "lab-balancer",
    volume: "lab-config",
    network: "lab-network",
  };
  const node = { node: "a", balancer, address: "10.0.0.2", port: 11434 };
  return {
    ready: {
      ...node,
      endpoint: "ssh://one",
      container: "lab-a",
      models: [],
      timeoutSeconds: 1,
      warmUp: false,
      maintenance: false,
      pids: 100,
    },
    admission: { ...node, line: "server 10.0.0.2:11434;", drainTimeoutSeconds: 0 },
  };
};

test.each([
  ["exited", "is exited; mend that first, ollama-mesh doctor says how"],
  ["restarting", "is restarting; mend that first, ollama-mesh doctor says how"],
])(
  "a node is left as it is where one of two balancers that would let it in again is %s",
  async (status, words) => {
    const container = (of: string) =>
      JSON.stringify([{ Id: "1", State: { Running: false, Status: of, ExitCode: 0 }, Config: {} }]);
    const { commands } = standInDocker(`case "$*" in
*"ssh://two container inspect lab-balancer"*) printf '%s' '${container(status)}' ;;
*"container inspect"*) printf '%s' '${container("running")}' ;;
*) echo "{}" ;;
esac`);
    const both = { ...place("ssh://one"), second: place("ssh://two") };
    await expect(restart(both)).rejects.toThrow(
      `node a is left as it is: the balancer lab-balancer on ssh://two ${words}`,
    );
    expect(commands().filter((each) => !each.startsWith("container inspect"))).toEqual([]);
  },
);
