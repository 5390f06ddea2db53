// Nobody changes anything, and yet something breaks.
import { run } from "../../../toolchain/command.mjs";
import { ollamaImage } from "../../engine/support/lab.ts";
import { CHECKOUT } from "../../engine/support/stack.ts";
import { actingImage } from "../derived-images.ts";
import { hostSignal } from "../host-signal.ts";
import { clients } from "../load/clients.ts";
import { meshWith, node, type Scenario } from "../scenario.ts";

const docker = (...args: string[]) => run("docker", args);
const SECONDS_OF_TROUBLE = 15;
/** Seconds after which a client gives up on a node that is wedged: there is no other end. */
const PATIENCE = 30;

export const trouble: Scenario = {
  name: "trouble",
  about:
    "nodes crash, freeze, lose the network and are restarted by hand; the balancer crashes and is restarted",
  // Enough long streams for each node to have some.
  order: { groups: clients({ long: 6 }) },
  async run(live) {
    const name = (short: string) => `${live.mesh}-${short}`;
    await live.trouble("a node's server crashes", async ({ back }) => {
      await hostSignal(name("a"), "KILL");
      await back("a");
    });
    await live.trouble("a node is restarted by hand", async ({ back }) => {
      await docker("restart", name("a"));
      await back("a");
    });
    await live.trouble(
      `a node is frozen for ${SECONDS_OF_TROUBLE} s`,
      async ({ back, lasting }) => {
        await hostSignal(name("a"), "STOP");
        await lasting(SECONDS_OF_TROUBLE);
        await hostSignal(name("a"), "CONT");
        await back("a");
      },
    );
    await live.trouble(
      `a node's network is cut for ${SECONDS_OF_TROUBLE} s`,
      async ({ back, lasting }) => {
        const network = name("network");
        const address = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
        const ip = (await docker("inspect", "--format", address, name("a"))).trim();
        await docker("network", "disconnect", "--force", network, name("a"));
        await lasting(SECONDS_OF_TROUBLE);
        await docker("network", "connect", "--ip", ip, network, name("a"));
        await back("a");
      },
    );
    await live.trouble("nginx crashes", async ({ back }) => {
      await hostSignal((await live.look())["balancer-nginx"]!.id, "KILL");
      await back("a");
    });
    await live.trouble("nginx is restarted by hand", async ({ back }) => {
      await docker("restart", (await live.look())["balancer-nginx"]!.id);
      await back("a");
    });
    await live.trouble("the container with its ports is restarted by hand", async ({ back }) => {
      await docker("restart", name("balancer"));
      await back("a");
    });
  },
};

export const wedged: Scenario = {
  name: "wedged",
  about:
    "a node that must not restart by itself goes on answering version and tags, but gives no token any more",
  async config() {
    const image = await actingImage(ollamaImage());
    const wedges = node("d", { ollama: { environment: { MESH_LIVE_ACTS: "wedged" } } });
    return meshWith({ image, balancer: { health: "verdict" } }, "a", "b", "c", wedges);
  },
  order: { groups: clients({ long: 1 }).map((group) => ({ ...group, deadlineSeconds: PATIENCE })) },
  async run(live) {
    const { name, env } = live.stack;
    await live.trouble("of four nodes d is wedged, for 40 s", ({ lasting }) => lasting(40));
    await live.trouble("and ollama-mesh restart d", async ({ back }) => {
      const command = ["dist/cli/ollama-mesh.js", "restart", "d", "--stack", name];
      await run("node", command, { cwd: CHECKOUT, env });
      await back("d");
    });
  },
};
