import { expect, test } from "vitest";

import { askNetworks } from "../../../../components/observed/observed-networks.ts";
import { parseMesh } from "../../../../config/parse-mesh.ts";
import { planBalancers } from "../../../../plan/balancer-plan.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const ENDPOINT = "unix:///var/run/docker.sock";
const asked = (subnet: string, more: object = {}) => {
  const config = parseMesh({ nodes: [{ name: "a" }], balancer: { subnet, ...more } }, "lab");
  return askNetworks("lab", planBalancers("lab", config));
};
const engine = () =>
  standInDocker(
    [
      `case "$3 $4" in`,
      `"network ls") printf 'lab-network\\nlab.one-guard\\n' ;;`,
      `"network inspect") echo 'lab-network 10.1.16.0/20' ;;`,
      `esac`,
    ].join("\n"),
  );

test("the network that has the addresses keeps its name", () => {
  const { commands } = engine();
  expect(asked("10.1.16.0/20")).toEqual({
    names: new Map([[ENDPOINT, "lab-network"]]),
    unknown: new Set(),
    moving: [],
    gateways: [],
    joining: [],
  });
  expect(commands()).toEqual([
    "network ls --filter label=ollama-mesh=lab --format {{.Name}}",
    "network inspect --format {{.Name}}{{range .IPAM.Config}} {{.Subnet}}{{end}} lab-network",
  ]);
});

test("other addresses are another network, which is told", () => {
  engine();
  expect(asked("10.2.16.0/20")).toEqual({
    names: new Map([[ENDPOINT, "lab-net-999"]]),
    unknown: new Set(),
    moving: [{ from: "10.1.16.0/20", to: "10.2.16.0/20" }],
    gateways: [],
    joining: [],
  });
});

test("a mesh that is not there yet has its first name", () => {
  standInDocker("");
  expect(asked("10.2.16.0/20")).toEqual({
    names: new Map([[ENDPOINT, "lab-network"]]),
    unknown: new Set(),
    moving: [],
    gateways: [],
    joining: [],
  });
});

test("of an engine that does not answer nothing is known", () => {
  standInDocker("echo 'Cannot connect to the Docker daemon' >&2; exit 1");
  expect(asked("10.2.16.0/20")).toEqual({
    names: new Map(),
    unknown: new Set([ENDPOINT]),
    moving: [],
    gateways: [],
    joining: [],
  });
});

test("networks of others that come before are asked for their gateways", () => {
  standInDocker(
    [
      `case "$*" in`,
      `*" network ls "*) echo lab-network ;;`,
      `*a_default) echo '172.22.0.1 |' ;;`,
      `*" network inspect "*) echo 'lab-network 10.1.16.0/20' ;;`,
      `*" version "*) echo '1.41 1.41' ;;`,
      `esac`,
    ].join("\n"),
  );
  const { gateways, joining } = asked("10.1.16.0/20", { networks: ["web", "a_default"] });
  expect(gateways).toEqual(["172.22.0.1"]);
  expect(joining).toEqual([{ endpoint: ENDPOINT, network: "a_default", own: "lab-network" }]);
});
