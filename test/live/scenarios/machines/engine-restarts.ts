// The machine of the balancer loses its Docker engine, and is rebooted, again and again: its port is back by itself.
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { builtImage } from "../../../../lab/images/docker-image.mjs";
import { HOST_IMAGE } from "../../../../lab/images/host/host-image.mjs";
import { lanDown, lanUp, type Lan } from "../../../../lab/lan/machines.mjs";
import { run } from "../../../../toolchain/command.mjs";
import { until } from "../../../../toolchain/until.mjs";
import { openConnections } from "../../../engine/support/connections.ts";
import { containers } from "../../../engine/support/containers.ts";
import { nginxImage, ollamaImage } from "../../../engine/support/lab.ts";
import { ownStackName } from "../../../engine/support/leftovers.ts";
import type { LiveMesh } from "../../live-mesh.ts";
import { meshWith, node, type Scenario } from "../../scenario.ts";

/** How often each is done: MESH_LIVE_RESTARTS, default 2. */
const TIMES = Number(process.env["MESH_LIVE_RESTARTS"] ?? 2);
/** A dockerd of another version than that of the machines' image: MESH_LIVE_DOCKERD, a file. */
const OTHER_ENGINE = process.env["MESH_LIVE_DOCKERD"];

const name = `live-${ownStackName()}-engine`;
const folder = join(tmpdir(), name);
let lan: Lan | undefined;

const machine = () => lan!.hosts[0]!.container;
const inside = (...args: string[]) => run("docker", ["exec", machine(), ...args]);
const engineStarted = () =>
  inside("sh", "-c", "docker version >&2 && stat -c '%i %y' /run/docker.pid");

export const engineRestarts: Scenario = {
  name: "engine-restarts",
  about:
    "the balancer's machine: its Docker engine is restarted, and it is rebooted (MESH_LIVE_RESTARTS times each)",
  async config(stack) {
    const images = [nginxImage(), ollamaImage()];
    lan = await lanUp({ name, folder, count: 1, image: await builtImage(HOST_IMAGE), images });
    Object.assign(stack.env, { PATH: lan.env["PATH"] });
    if (OTHER_ENGINE) await useEngine(OTHER_ENGINE);
    return meshWith(
      { balancer: { host: "ssh://lan1", listen: { address: "0.0.0.0" } } },
      ...["a", "b"].map((each) => node(each, { host: "ssh://lan1" })),
    );
  },
  async run(live) {
    const url = `http://${lan!.hosts[0]!.address}:${live.stack.port}`;
    live.order.url = url;
    live.look = () => containers(live.mesh, ["-H", "ssh://lan1"], lan!.env);
    const version = (await inside("docker", "version", "--format", "{{.Server.Version}}")).trim();
    await restarts(live, url, `Docker engine ${version} of the balancer's machine restarted`, () =>
      inside("engine", "restart"),
    );
    await restarts(live, url, `that machine rebooted (engine ${version})`, () =>
      run("docker", ["restart", machine()]),
    );
  },
  async after() {
    await lanDown({ name, folder });
    await rm(folder, { recursive: true, force: true });
  },
};

/** Restarts, and waits until a node answers behind the port again: by nginx, or where that stays down, by the front alone. */
async function restarts(live: LiveMesh, url: string, what: string, restart: () => Promise<string>) {
  const away: number[] = [];
  let alone = 0;
  const row = await live.trouble(`${what}, ${TIMES} times`, async ({ back, lasting }) => {
    for (let at = 1; at <= TIMES; at++) {
      live.detail(`${what}, ${at} of ${TIMES}`);
      const before = await engineStarted();
      const probes = openConnections(`${url}/healthz`, { perSecond: 20 });
      await restart();
      const another = async () => (await engineStarted()) !== before;
      await until("the engine started anew", another, { seconds: 60 });
      await back("a");
      await lasting(2);
      away.push((await probes.stop()).failedFor);
      // An engine before 29 may leave nginx down (moby 50326).
      if (!(await live.look())["balancer-nginx"]?.running) alone++;
    }
  });
  const each = away.map((seconds) => seconds.toFixed(1)).join(", ");
  row.notes = [`the port was away for ${each} s`, `the engine left nginx down ${alone} times`];
}

/** Has the machine run another dockerd, which is there as a file. */
async function useEngine(file: string): Promise<void> {
  const before = await engineStarted();
  await run("docker", ["cp", file, `${machine()}:/usr/local/bin/dockerd`]);
  // A restart of the engine alone would start the one before: the machine's shell remembers where it found it.
  await run("docker", ["restart", machine()]);
  const another = async () => (await engineStarted()) !== before;
  await until("the other engine", another, { seconds: 60 });
}
