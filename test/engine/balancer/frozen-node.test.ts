// balancer.closeOnFailure on a real engine: its container, and a node that docker pause has frozen.
import { expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { figure, inSeconds } from "../../support/report/figure.ts";
import { containers } from "../support/containers.ts";
import { labConfig, model, stackOfFile } from "../support/lab.ts";
import { served, startLoad } from "../support/load.ts";
import type { StackConfig } from "../support/stack.ts";

vi.setConfig({ testTimeout: 240_000 });

/** Equal by declaration: one that was measured to be slower would not be asked. */
const config = (nodes: string[], balancer = {}): StackConfig =>
  labConfig({ nodes: nodes.map((name) => ({ name, weight: 1 })), balancer });
const CLOSING = { closeOnFailure: true };
const lab = stackOfFile(() => config(["a", "b"], CLOSING), { up: true });

const closer = () => `${lab().mesh}-balancer.closer`;
const inspect = (container: string, format: string) =>
  run("docker", ["inspect", container, "--format", format]).then((text) => text.trim());

test("it runs in nginx's network, and neither an up nor what Docker tells of it is a change", async () => {
  const nginx = await inspect(`${lab().mesh}-balancer`, "{{.Id}}");
  const found = "{{.State.Running}} {{.HostConfig.NetworkMode}} {{.HostConfig.CapAdd}}";
  expect(await inspect(closer(), found)).toBe(`true container:${nginx} [CAP_NET_ADMIN]`);
  await lab().refresh();
  expect((await lab().up()).changes).toEqual([]);
});

test("a request that waits in a paused node is answered by another", async () => {
  const running = startLoad({
    url: lab().url,
    model: model(),
    tokens: 8,
    atATime: 4,
    perSecond: 8,
    silenceSeconds: 120,
  });
  const node = `${lab().mesh}-b`;
  try {
    await running.more(16);
    await run("docker", ["pause", node]);
    const paused = Date.now();
    await until("a connection that was closed", async () => (await said()).length > 0, {
      seconds: 60,
    });
    figure("closed after", inSeconds((Date.now() - paused) / 1000));
    const closed = performance.now();
    await running.more(8);
    // All that were asked have ended while it still is frozen.
    running.stop();
    const outcomes = await running.done;
    const later = outcomes.filter(({ began }) => began > closed);
    expect(Object.keys(served(later))).toEqual(["a"]);
    expect(outcomes.filter(({ failure }) => failure?.when === "before the first byte")).toEqual([]);
    expect(await inspect(node, "{{.State.Paused}}")).toBe("true");
  } finally {
    running.stop();
    await run("docker", ["unpause", node]);
  }
});

test("it stays where nginx is while nginx is restarted by hand", async () => {
  const nginx = (await containers(lab().mesh))["balancer-nginx"]!.id;
  await run("docker", ["restart", nginx]);
  const sandbox = "/proc/$(docker inspect -f '{{.State.Pid}}' \"$0\")/ns/net";
  const network = (container: string) => run("sh", ["-c", `readlink ${sandbox}`, container]);
  await until("nginx", async () => (await inspect(nginx, "{{.State.Running}}")) === "true", {
    seconds: 30,
  });
  expect(await inspect(closer(), "{{.RestartCount}}")).toBe("0");
  expect(await network(closer())).toBe(await network(nginx));
});

test("a node more replaces it alone, and without the setting it goes", async () => {
  const nginx = await inspect(`${lab().mesh}-balancer`, "{{.Id}}");
  await lab().configure(config(["a", "b", "c"], CLOSING));
  await lab().up();
  expect(await inspect(closer(), "{{.State.Running}} {{.Config.Cmd}}")).toMatch(/^true .* c 10\./);
  await lab().configure(config(["a", "b", "c"]));
  await lab().up();
  await expect(inspect(closer(), "{{.Id}}")).rejects.toThrow("No such object");
  expect(await inspect(`${lab().mesh}-balancer`, "{{.Id}}")).toBe(nginx);
});

const said = async () => (await run("docker", ["logs", closer()])).split("\n").filter(Boolean);
