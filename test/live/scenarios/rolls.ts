// New containers for nodes: image, settings, ports.
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { ollamaImage } from "../../engine/support/lab.ts";
import { freePort } from "../../engine/support/port.ts";
import { nextRelease } from "../derived-images.ts";
import { meshOf, meshWith, node, type Scenario } from "../scenario.ts";

const PREPARED = ["update local-preflight", "update local-images", "update local-models"];
const ALL = ["a", "b", "c"];
const replaced = ALL.map((name) => `replace node ${name}`);

export const images: Scenario = {
  name: "images",
  about: "a new Ollama image for all nodes, one at a time; the old one again, by twos",
  async run(live) {
    const image = await nextRelease(ollamaImage(), "ollama");
    await live.planned("new Ollama image, one node at a time", meshWith({ image }, ...ALL), {
      touches: [...PREPARED, ...replaced],
    });
    const byTwos = { rollout: { maxUnavailable: 2 } };
    await live.planned("the old one again, maxUnavailable 2", meshWith(byTwos, ...ALL), {
      touches: [...PREPARED, ...replaced],
      maxOut: 2,
    });
  },
};

export const settings: Scenario = {
  name: "settings",
  about: "an Ollama setting, a memory limit and a published port of one node",
  async config() {
    return meshOf("a", "b", await published("c"));
  },
  async run(live) {
    const before = (live.config["nodes"] as object[])[2]!;
    const slower = node("b", { ollama: { keepAlive: "1h" } });
    await live.planned("an Ollama setting of b", meshOf("a", slower, before), {
      touches: ["replace node b", "update local-preflight"],
    });
    const limited = node("a", { memoryMib: 1024 });
    await live.planned("a memory limit of a", meshOf(limited, slower, before), {
      // In place: the kernel takes it while the container runs.
      touches: ["update a", "update a-turn", "update local-preflight"],
    });
    await live.planned("the published port of c", meshOf(limited, slower, await published("c")), {
      touches: ["replace node c", "update balancer-reach", "update local-preflight"],
    });
  },
};

/** A node that is reached by a port of the host, as nodes on other machines are. */
const published = async (name: string) =>
  node(name, { address: await bridgeAddress(), port: await freePort() });
