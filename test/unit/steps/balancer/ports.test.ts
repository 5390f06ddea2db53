import { describe, expect, test } from "vitest";

import { heldPorts, portProbe, ports } from "../../../../steps/balancer/ports.ts";
import { StepError } from "../../../../steps/step-error.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const ENGINE = "unix:///run/nowhere.sock";

test("a port is tried by a container that does nothing", () => {
  expect(portProbe("nginx:1", "10.0.0.7", 80)).toEqual([
    ...["run", "--rm", "--publish", "10.0.0.7:80:1", "--entrypoint", "true", "nginx:1"],
  ]);
  expect(portProbe("nginx:1", "fd00::7", 80)).toContain("[fd00::7]:80:1");
});

describe("the ports that a container holds", () => {
  const container = (Running: boolean, PortBindings: object | null) =>
    JSON.stringify([{ State: { Running }, HostConfig: { PortBindings } }]);
  const BINDINGS = {
    "8080/tcp": [
      { HostIp: "", HostPort: "80" },
      { HostIp: "10.0.0.7", HostPort: "81" },
    ],
    "8082/tcp": [{ HostIp: "127.0.0.1", HostPort: "8082" }],
  };
  test.each<[string, string, string[]]>([
    ["it runs", container(true, BINDINGS), ["0.0.0.0:80", "10.0.0.7:81", "127.0.0.1:8082"]],
    ["it does not run", container(false, BINDINGS), []],
    ["it publishes none", container(true, null), []],
  ])("%s", (_, inspected, held) => {
    expect([...heldPorts(inspected)]).toEqual(held);
  });
});

describe("ports that a container is about to publish", () => {
  const check = () =>
    ports({
      endpoint: ENGINE,
      container: "b",
      image: "nginx:1",
      ports: [
        { ip: "0.0.0.0", port: 80 },
        { ip: "10.0.0.7", port: 81 },
      ],
    });
  const NONE = "echo 'Error response from daemon: No such container: b' >&2; exit 1";

  test("are tried, but for those that it holds", async () => {
    const held = [
      {
        State: { Running: true },
        HostConfig: { PortBindings: { "1/tcp": [{ HostIp: "", HostPort: "80" }] } },
      },
    ];
    const { commands } = standInDocker(
      `case $3 in container) echo '${JSON.stringify(held)}' ;; esac`,
    );
    expect(await check()).toEqual({ free: ["0.0.0.0:80", "10.0.0.7:81"] });
    expect(commands()).toEqual([
      "container inspect b",
      "run --rm --publish 10.0.0.7:81:1 --entrypoint true nginx:1",
    ]);
  });

  test.each([
    ["127.0.0.1", "0.0.0.0", []],
    ["0.0.0.0", "127.0.0.1", []],
    ["::1", "::", []],
    ["10.0.0.7", "10.0.0.8", ["10.0.0.8"]],
    ["0.0.0.0", "::", ["[::]"]],
  ])("of its own at %s are not in its way at %s", async (HostIp, ip, tried) => {
    const held = [
      {
        State: { Running: true },
        HostConfig: { PortBindings: { "1/tcp": [{ HostIp, HostPort: "80" }] } },
      },
    ];
    const { commands } = standInDocker(
      `case $3 in container) echo '${JSON.stringify(held)}' ;; esac`,
    );
    const wanted = [{ ip, port: 80 }];
    await ports({ endpoint: ENGINE, container: "b", image: "nginx:1", ports: wanted });
    const probes = tried.map((at) => `run --rm --publish ${at}:80:1 --entrypoint true nginx:1`);
    expect(commands().slice(1)).toEqual(probes);
  });

  test("that are not free are all named, with who has them", async () => {
    standInDocker(`case "$*" in
      *inspect*) ${NONE} ;;
      *0.0.0.0:80:1*) echo 'Bind for 0.0.0.0:80 failed: port is already allocated' >&2; exit 125 ;;
      *10.0.0.7:81:1*) echo 'listen tcp 10.0.0.7:81: bind: cannot assign requested address' >&2; exit 125 ;;
      *publish=80*) echo shop ;;
    esac`);
    await expect(check()).rejects.toEqual(
      new StepError(
        `port 0.0.0.0:80 of the host at ${ENGINE} is in use by container shop; stop it, or declare another port\naddress 10.0.0.7 is not one of the host at ${ENGINE}; correct the address`,
      ),
    );
  });

  test("of another program are said to be that", async () => {
    standInDocker(`case "$*" in
      *inspect*) ${NONE} ;;
      *0.0.0.0:80:1*) echo 'listen tcp4 0.0.0.0:80: bind: address already in use' >&2; exit 125 ;;
    esac`);
    await expect(check()).rejects.toEqual(
      new StepError(
        `port 0.0.0.0:80 of the host at ${ENGINE} is in use by another program (ss -ltnp shows which); stop it, or declare another port`,
      ),
    );
  });
});
