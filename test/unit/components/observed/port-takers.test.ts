import { expect, test } from "vitest";

import { askPortTakers, portTakerWarning } from "../../../../components/observed/port-takers.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const endpoint = "unix:///var/run/docker.sock";
const asked = (...networks: string[]) =>
  askPortTakers({ endpoint, networks, container: "lab-balancer" }, "lab-network");
/** An engine with two networks, of which the balancer is in one. */
const engine = (versions: string) =>
  standInDocker(
    [
      `case "$*" in`,
      `*" version "*) echo '${versions}' ;;`,
      `*" a_default") echo '172.22.0.1 fd00::1 |own ' ;;`,
      `*" b_default") echo '172.23.0.1 |own lab-balancer ' ;;`,
      `*) echo 'Error response from daemon: network not found' >&2; exit 1 ;;`,
      `esac`,
    ].join("\n"),
  );

test.each([
  ["the engine", "1.51 1.47"],
  ["the docker command", "1.41 1.51"],
])(
  "where %s is older than 28 a network that takes the ports is told of until it is joined",
  (...row) => {
    engine(row[1]);
    expect(asked("web", "a_default", "b_default", "c_default")).toEqual({
      gateways: ["172.22.0.1", "172.23.0.1"],
      joining: [{ endpoint, network: "a_default", own: "lab-network" }],
    });
  },
);

test("from 28 on no network takes them; its gateway stays known, since one that was joined before has them still", () => {
  engine("1.48 1.52");
  expect(asked("a_default")).toEqual({ gateways: ["172.22.0.1"], joining: [] });
});

test("nobody is asked where all come after the mesh's own", () => {
  const { commands } = engine("1.41 1.41");
  expect(asked("web_default", "lab-z")).toEqual({ gateways: [], joining: [] });
  expect(commands()).toEqual([]);
});

test("an engine that does not answer is told of elsewhere", () => {
  standInDocker("echo 'Cannot connect to the Docker daemon' >&2; exit 1");
  expect(asked("a_default")).toEqual({ gateways: [], joining: [] });
});

test("the warning has what happens and the ways out", () => {
  expect(portTakerWarning({ endpoint, network: "a_default", own: "lab-network" })).toEqual({
    path: "balancer.networks",
    text: "a_default comes before the mesh's own network, lab-network, by name, and Docker before 28 publishes the balancer's ports in the first: when it is joined on unix:///var/run/docker.sock the ports are refused for some 0.2 s, and what is open is cut. With Docker 28 or newer, there and here, they stay where they are; so they do where the network has a name that comes after lab-network",
  });
});
