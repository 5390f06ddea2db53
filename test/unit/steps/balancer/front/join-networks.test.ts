import { describe, expect, test } from "vitest";

import { joinNetworks } from "../../../../../steps/balancer/front/join-networks.ts";
import { dockerEngine } from "../../../../../steps/engine/docker-engine.ts";
import { StepError } from "../../../../../steps/step-error.ts";
import { standInDocker } from "../../../../support/stand-in-docker.ts";

const ENGINE = dockerEngine("unix:///run/nowhere.sock");
const join = (...foreign: string[]) =>
  joinNetworks(
    ENGINE,
    { id: "front", networks: ["lab-net-999", "chat_default"] },
    { own: ["lab-network"], foreign },
  );
const CONNECT = "network connect";
const TO = "--alias ollama-mesh-balancer";

describe("a front", () => {
  test("joins networks of others behind the mesh's own, where its ports stay, and none twice", async () => {
    const { commands } = standInDocker("");
    await join("chat_default", "a_default");
    expect(commands()).toEqual([
      `${CONNECT} ${TO} lab-network front`,
      `${CONNECT} --gw-priority=-1 ${TO} a_default front`,
    ]);
  });

  test.each([
    ["a docker command", "unknown flag: --gw-priority"],
    [
      "an engine",
      '"--gw-priority" requires API version 1.48, but the Docker daemon API version is 1.41',
    ],
  ])("joins them as it can where %s is older than 28", async (_, said) => {
    const { commands } = standInDocker(
      `case "$*" in *gw-priority*) echo '${said}' >&2; exit 125 ;; esac`,
    );
    await join("a_default");
    expect(commands().at(-1)).toBe(`${CONNECT} ${TO} a_default front`);
  });

  test("names one that it cannot join", async () => {
    standInDocker(
      `case "$*" in *nowhere_default*) echo 'Error response from daemon: network nowhere_default not found' >&2; exit 1 ;; esac`,
    );
    await expect(join("nowhere_default")).rejects.toEqual(
      new StepError(
        "the balancer cannot join the network nowhere_default on unix:///run/nowhere.sock: Error response from daemon: network nowhere_default not found; make it there (docker network create nowhere_default), or correct balancer.networks",
      ),
    );
  });
});
