// Everything about nginx but its nodes.
import { makeCertificate } from "../../behaviour/harness/certificate.ts";
import { nginxImage } from "../../engine/support/lab.ts";
import { ownSubnet } from "../../engine/support/subnet.ts";
import { nextRelease } from "../derived-images.ts";
import { clients } from "../clients.ts";
import type { LiveMesh } from "../live-mesh.ts";
import { meshWith, type Scenario } from "../scenario.ts";

const KEY = "live-scenario-first-key";
const anna = { name: "anna", key: KEY };
const bert = { name: "bert", key: "live-scenario-second-key" };
const NODES = ["a", "b", "c"];
const LINES = NODES.map((name) => `update ${name}-admission`);

const withBalancer = (balancer: object) => meshWith({ balancer }, ...NODES);

export const balancing: Scenario = {
  name: "balancing",
  about: "algorithm, time-outs, limits of failure and retries: a reload each",
  async run(live) {
    const retry = { profile: "strict" };
    await live.planned(
      "algorithm, retries and time-outs",
      withBalancer({ algorithm: "round_robin", retry, readTimeoutSeconds: 300 }),
      { touches: ["update balancer-config"] },
    );
    await live.planned(
      "maxFails, which stands in every server line",
      withBalancer({ algorithm: "round_robin", retry, readTimeoutSeconds: 300, maxFails: 5 }),
      { touches: LINES },
    );
    await live.planned("all of it as it was", withBalancer({}), {
      touches: ["update balancer-config", ...LINES],
    });
  },
};

export const frontDoor: Scenario = {
  name: "front-door",
  about: "API keys come, change and go, and a certificate is replaced: a reload each",
  order: { headers: { authorization: `Bearer ${KEY}` } },
  async config() {
    return withBalancer({ tls: await certificate(), access: { apiKeys: [anna] } });
  },
  async run(live) {
    live.order.url = live.order.url.replace("http:", "https:");
    const tls = await certificate();
    const first = await served(live);
    const keys = (...apiKeys: object[]) => withBalancer({ tls, access: { apiKeys } });
    const reloaded = { touches: ["update balancer-config", "update balancer-secrets"] };
    const row = await live.planned("another certificate", keys(anna), reloaded);
    live.expect(row, (await served(live)) !== first, "the old certificate is still served");
    await live.planned("a second API key", keys(anna, bert), reloaded);
    await live.planned("and without it again", keys(anna), reloaded);
  },
};

async function certificate() {
  return makeCertificate(nginxImage());
}

/** Fingerprint of the certificate that clients get. */
async function served({ stack }: LiveMesh): Promise<string> {
  const { connect } = await import("node:tls");
  return new Promise((resolve, reject) => {
    const socket = connect({ port: stack.port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.on("error", reject).on("secureConnect", () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
  });
}

export const balancerImage: Scenario = {
  name: "balancer-image",
  about: "a new nginx image: what the replacement of a single balancer costs",
  // Streams that last longer than nginx waits for them.
  order: {
    groups: clients().map((group) =>
      group.tokens > 16 ? { ...group, tokens: 400, deadlineSeconds: 180 } : group,
    ),
  },
  async run(live) {
    const image = await nextRelease(nginxImage(), "nginx");
    await live.costly("new nginx image", withBalancer({ image }), {
      touches: [
        "replace balancer",
        "replace balancer-serving",
        "update balancer-config",
        "update balancer-image",
        "update balancer-ports",
      ],
    });
  },
};

export const subnet: Scenario = {
  name: "subnet",
  about: "another subnet for the mesh network, in which nodes and balancer have fixed addresses",
  async run(live) {
    await live.costly("another subnet", withBalancer({ subnet: ownSubnet() }), {
      touches: [
        ...["balancer", "balancer-network", "balancer-serving"].map((each) => `replace ${each}`),
        ...NODES.map((name) => `replace node ${name}`),
        "update local-preflight",
      ],
      maxOut: NODES.length,
    });
  },
};
