import { describe, expect, test, vi } from "vitest";

import { parseAttempts, reach, reachArgs } from "../../../../steps/balancer/reach.ts";
import { StepError } from "../../../../steps/step-error.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const BALANCER = {
  endpoint: "unix:///run/x.sock",
  container: "b",
  volume: "v",
  network: "lab-network",
};
const input = (...nodes: [string, string][]) => ({
  balancer: BALANCER,
  image: "nginx:1",
  nodes: nodes.map(([node, address]) => ({ node, address, port: 11_434 })),
});

test("hosts are tried from the balancer's network, all by one container", () => {
  const args = reachArgs(input(), ["10.0.0.7:11434", "[fd00::7]:11434"]);
  expect(args.slice(0, 8)).toEqual([
    ...["run", "--rm", "--network", "lab-network", "--entrypoint", "sh", "nginx:1", "-c"],
  ]);
  expect(args.slice(9)).toEqual(["sh", "5", "10.0.0.7:11434", "[fd00::7]:11434"]);
});

test("what was printed is read by number, whatever else is between", () => {
  expect(parseAttempts("1 7 No route to host\nnoise\n0 0 \n2 28\n")).toEqual(
    new Map([
      [1, { code: 7, said: "No route to host" }],
      [0, { code: 0, said: "" }],
      [2, { code: 28, said: "" }],
    ]),
  );
});

describe("nodes", () => {
  const START = "from the balancer's engine, unix:///run/x.sock,";

  test("that cannot be reached are all named, each with its way out; that nothing listens yet is fine", async () => {
    standInDocker("printf '3 28 timed out\\n0 7 \\n1 7 No route to host\\n2 6 \\n4 52 \\n'");
    const nodes = input(
      ...[
        ["a", "10.0.0.1"],
        ["b", "10.0.0.2"],
        ["c", "c.invalid"],
        ["d", "10.0.0.4"],
        ["e", "e"],
      ].map(([node, address]): [string, string] => [node!, address!]),
    );
    const out =
      "correct the node's `address`, or open the firewall between the two for the node's port";
    await expect(reach(nodes)).rejects.toEqual(
      new StepError(
        [
          `node b: ${START} 10.0.0.2 cannot be reached (No route to host); ${out}`,
          `node c: ${START} the name c.invalid cannot be resolved; declare the IP address as the node's \`address\`, or add the name to DNS (names of ~/.ssh/config and /etc/hosts do not hold in containers)`,
          `node d: ${START} 10.0.0.4 cannot be reached (timed out); ${out}`,
        ].join("\n"),
      ),
    );
  });

  test("that were reached once are not tried again, and stay on the list", async () => {
    vi.stubEnv("PULUMI_COMMAND_STDOUT", '{"reached":["10.0.0.1:11434"]}');
    const { commands } = standInDocker("printf '0 0 \\n'");
    expect(await reach(input(["a", "10.0.0.1"], ["b", "10.0.0.2"]))).toEqual({
      reached: ["10.0.0.1:11434", "10.0.0.2:11434"],
    });
    expect(commands()).toEqual([expect.stringMatching(/ sh 5 10\.0\.0\.2:11434$/)]);
    expect(await reach(input(["a", "10.0.0.1"]))).toEqual({ reached: ["10.0.0.1:11434"] });
    expect(commands()).toHaveLength(1);
  });
});

test("the script tries all of them, each with its number", async () => {
  // docker -H ENDPOINT run ... -c PROGRAM sh 5 HOST...: here instead of there
  standInDocker('while [ "$1" != -c ]; do shift; done; shift; exec sh -c "$@"');
  const nodes = input(["a", "name.invalid"], ["b", "other.invalid"]);
  const message = await reach(nodes).then(
    () => "reached",
    ({ message }: Error) => message,
  );
  expect(message.split("\n").map((line) => line.slice(0, 7))).toEqual(["node a:", "node b:"]);
});
