// Changes that cannot work, each found out before a container is touched.
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { model, ollamaImage } from "../../engine/support/lab.ts";
import type { Stack } from "../../engine/support/stack.ts";
import { hostSignal } from "../host-signal.ts";
import type { LiveMesh } from "../live-mesh.ts";
import { meshWith, type Scenario } from "../scenario.ts";
import { toyRegistry } from "../toy-registry.ts";

const NODES = ["a", "b", "c"];
const KEPT = ["a", "b", "balancer", "balancer-nginx", "c"];
const asBefore = meshWith({}, ...NODES);

const requireKept = (live: LiveMesh, row: { kept: string[]; problems: string[] }) =>
  live.expect(row as never, row.kept.join() === KEPT.join(), `only ${row.kept.join()} are kept`);

export const refusedImages: Scenario = {
  name: "refused-images",
  about: "an image, a model and GPUs that are not to be had",
  config: () => asBefore,
  async run(live) {
    const image = "ollama-mesh-lab/no-such-image:1";
    requireKept(
      live,
      await live.failing("an image that does not exist", meshWith({ image }, ...NODES), {
        says: [`image ${image}`, "docker says: "],
        touches: ["update local-preflight"],
      }),
    );
    const unknown = "http://127.0.0.1:9/library/nothing";
    requireKept(
      live,
      await live.failing(
        "a model whose registry does not answer",
        meshWith({ models: [model(), unknown] }, ...NODES),
        {
          says: [`model ${unknown} could not be downloaded`, "Ollama says: "],
          touches: ["update local-preflight"],
        },
      ),
    );
    const gpus = { vendor: "nvidia", devices: ["0"] };
    requireKept(
      live,
      await live.failing(
        "NVIDIA GPUs on a host without them",
        meshWith({}, "a", { name: "b", cpus: 0.5, gpus }, "c"),
        { says: ["a node on it declares NVIDIA GPUs, but it has no nvidia runtime"] },
      ),
    );
    await live.planned("all three mended", asBefore, { touches: ["update local-preflight"] });
  },
};

export const diskFull: Scenario = {
  name: "disk-full",
  about: "a model does not fit into its volume",
  config(stack) {
    return smallVolume(stack);
  },
  async run(live) {
    const registry = await toyRegistry(ollamaImage());
    const config = (models: string[], minimumFreeGib: number) =>
      meshWith({ models, rollout: { minimumFreeGib } }, ...NODES);
    try {
      const tooLarge = [model(), registry.zeros];
      await live.failing("less space than rollout.minimumFreeGib", config(tooLarge, 2), {
        says: [
          /host unix:\S+ has 0\.\d GiB left for models, and rollout.minimumFreeGib asks for 2/,
        ],
      });
      await live.failing("the disk fills up in the download", config(tooLarge, 0.01), {
        says: [`model ${registry.zeros} does not fit on the host's disk`, "no space left"],
      });
    } finally {
      await registry.close();
    }
    await live.planned("without that model", config([model()], 0.01), { touches: [] });
  },
};

/**
 * The volume of the models, made beforehand, of so little memory that another large model does not fit. A container
 * holds it: what is in memory is lost when nobody has it mounted, nor does Docker fill it from the image.
 */
async function smallVolume({ mesh }: Stack) {
  const volume = `${mesh}-models`;
  const options = ["type=tmpfs", "device=tmpfs", "o=size=200m"].flatMap((each) => ["--opt", each]);
  await run("docker", ["volume", "create", "--driver", "local", ...options, volume]);
  const holder = `${mesh}.holder`;
  await run("docker", [
    ...["run", "--detach", "--name", holder, "--network", "none", "--volume", `${volume}:/held`],
    ...["--entrypoint", "sh", ollamaImage(), "-c"],
    "cp -a /root/.ollama/. /held && touch /tmp/filled && exec sleep infinity",
  ]);
  await until("filled volume", () => run("docker", ["exec", holder, "ls", "/tmp/filled"]), {
    seconds: 60,
  });
  return meshWith({ rollout: { minimumFreeGib: 0.01 } }, ...NODES);
}

export const refusedConfig: Scenario = {
  name: "refused-config",
  about: "a config that nginx refuses at its test, and one that it does not take over",
  config: () => asBefore,
  async run(live) {
    // In maintenance nobody asks it beforehand.
    const nowhere = { name: "x", managed: false, address: "nowhere.invalid", maintenance: true };
    requireKept(
      live,
      await live.failing("a node whose name nobody knows", meshWith({}, ...NODES, nowhere), {
        says: ["nginx refuses the new config; the old one goes on serving", "nowhere.invalid"],
      }),
    );
    // What nginx says is lost with a stopped master; that it is not the new config that serves is not.
    const { "balancer-nginx": nginx } = await live.look();
    await hostSignal(nginx!.id, "STOP");
    try {
      requireKept(
        live,
        await live.failing(
          "a reload that nginx does not carry out",
          meshWith({ balancer: { algorithm: "round_robin" } }, ...NODES),
          { says: ["nginx accepted the new config but did not take it over"] },
        ),
      );
    } finally {
      await hostSignal(nginx!.id, "CONT");
    }
    await live.planned(
      "the same again, nginx being well",
      meshWith({ balancer: { algorithm: "round_robin" } }, ...NODES),
      { touches: ["update balancer-config"] },
    );
  },
};
