// A mesh over several machines: a node moves to another one, and machines fail.
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { builtImage } from "../../../../lab/images/docker-image.mjs";
import { HOST_IMAGE } from "../../../../lab/images/host/host-image.mjs";
import { lanDown, lanUp, type Lan } from "../../../../lab/lan/machines.mjs";
import { run } from "../../../../toolchain/command.mjs";
import { until } from "../../../../toolchain/until.mjs";
import { containers } from "../../../engine/support/containers.ts";
import { nginxImage, ollamaImage } from "../../../engine/support/lab.ts";
import { ownStackName } from "../../../engine/support/leftovers.ts";
import { NVIDIA_STAND_IN } from "../../../engine/support/nvidia-stand-in.ts";
import type { Stack } from "../../../engine/support/stack.ts";
import { clients } from "../../load/clients.ts";
import type { LiveMesh } from "../../live-mesh.ts";
import { meshWith, node, type Scenario } from "../../scenario.ts";

const name = `live-${ownStackName()}`;
const folder = join(tmpdir(), name);
let lan: Lan | undefined;

/** Balancer and a on the first machine, b on a GPU of the second, c on the machine of this number. */
function spread(whereC: number, gpu = "0") {
  // By address: names of machines are known to ssh only.
  const at = (n: number) => ({ host: `ssh://lan${n}`, address: lan!.hosts[n - 1]!.address });
  return meshWith(
    { balancer: { host: "ssh://lan1", listen: { address: "0.0.0.0" } } },
    node("a", { host: "ssh://lan1" }),
    node("b", { ...at(2), gpus: { vendor: "nvidia", devices: [gpu], minimumPercent: 0 } }),
    node("c", { ...at(whereC), port: 11_435 }),
  );
}

export const hosts: Scenario = {
  name: "hosts",
  about:
    "three machines: a node moves to another, one gets another GPU, an engine is restarted, a machine reboots and loses power",
  async config(stack: Stack) {
    const images = [nginxImage(), ollamaImage()];
    lan = await lanUp({ name, folder, count: 3, image: await builtImage(HOST_IMAGE), images });
    Object.assign(stack.env, { PATH: lan.env["PATH"] });
    await offerGpus(lan.hosts[1]!.container);
    return spread(2);
  },
  order: { groups: clients({ long: 4 }).map((group) => ({ ...group, deadlineSeconds: 30 })) },
  async run(live) {
    const [first, second] = lan!.hosts;
    live.order.url = `http://${first!.address}:${live.stack.port}`;
    live.look = () => everywhere(live);
    await live.planned("move c from the second machine to the third", spread(3), {
      // The machine it comes to is new to the mesh; the others hear where models are to be had.
      touches: [
        "replace node c",
        ...["", "-images", "-models", "-preflight"].map((part) => `create lan3-756969${part}`),
        ...["balancer-reach", "hosts", "lan1-0652f6-models"].map((each) => `update ${each}`),
        ...["lan2-c68eff-models", "lan2-c68eff-preflight"].map((each) => `update ${each}`),
      ],
    });
    await live.planned("b gets another GPU", spread(3, "1"), {
      touches: ["replace node b", "update hosts", "update lan2-c68eff-preflight"],
    });
    const machine = second!.container;
    await live.trouble("the Docker engine of the second machine is restarted", async ({ back }) => {
      await run("docker", ["exec", machine, "engine", "restart"]);
      await back("b");
    });
    await live.trouble("the second machine is rebooted", async ({ back }) => {
      await run("docker", ["restart", machine]);
      await back("b");
    });
    await live.trouble("the second machine has no power for 15 s", async ({ back, lasting }) => {
      await run("docker", ["kill", machine]);
      await lasting(15);
      await run("docker", ["start", machine]);
      await back("b");
    });
  },
  async after() {
    await lanDown({ name, folder });
    await rm(folder, { recursive: true, force: true });
  },
};

/** Makes the engine of a machine believe in GPUs, which it does from its next start on. */
async function offerGpus(machine: string) {
  const inside = (...args: string[]) => run("docker", ["exec", machine, ...args]);
  const engine = () => inside("sh", "-c", "docker version >&2 && cat /run/docker.pid");
  const before = await engine();
  await inside("sh", "-c", NVIDIA_STAND_IN);
  await inside("engine", "restart");
  await until("another engine", async () => (await engine()) !== before, { seconds: 60 });
}

async function everywhere({ mesh }: LiveMesh) {
  const all = await Promise.all(
    lan!.hosts.map(({ name: host }) => containers(mesh, ["-H", `ssh://${host}`], lan!.env)),
  );
  return Object.assign({}, ...all) as Awaited<ReturnType<typeof containers>>;
}
