// A second balancer before the same nodes: what to do where the cost of balancer-image is too much.
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { nginxImage } from "../../engine/support/lab.ts";
import { freePort } from "../../engine/support/port.ts";
import { Stack, type StackConfig } from "../../engine/support/stack.ts";
import { nextRelease } from "../derived-images.ts";
import { meshWith, node, type Scenario } from "../scenario.ts";

const NAMES = ["a", "b"];

/** Nodes that other balancers reach, too. */
async function publishedNodes() {
  const address = await bridgeAddress();
  return Promise.all(NAMES.map(async (name) => node(name, { address, port: await freePort() })));
}

export const twoBalancers: Scenario = {
  name: "two-balancers",
  about: "a new nginx image of one balancer, while clients use a second one before the same nodes",
  async config() {
    return meshWith({}, ...(await publishedNodes()));
  },
  async run(live) {
    const { nodes } = live.config as { nodes: { name: string; address: string; port: number }[] };
    const known = nodes.map(({ name, address, port }) => ({ name, address, port, managed: false }));
    const second = await Stack.init({ nodes: known, balancer: { image: nginxImage() } });
    try {
      await second.up();
      live.order.url = second.url;
      const image = await nextRelease(nginxImage(), "nginx");
      const config: StackConfig = meshWith({ balancer: { image } }, ...nodes);
      await live.planned("new nginx image of the first balancer", config, {
        touches: [
          "replace balancer-nginx",
          "replace balancer-serving",
          "update balancer-config",
          "update balancer-image",
          "update balancer-ports",
          "update balancer-reach",
        ],
      });
    } finally {
      await second[Symbol.asyncDispose]();
    }
  },
};
