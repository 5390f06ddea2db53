// Everything about nginx but its nodes.
import { makeCertificate } from "../../behaviour/harness/certificate.ts";
import { nginxImage } from "../../engine/support/lab.ts";
import { freePort } from "../../engine/support/port.ts";
import { ownSubnet } from "../../engine/support/subnet.ts";
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

export const otherPort: Scenario = {
  name: "balancer-ports",
  about: "a management listener comes, for which the container with the ports must be another one",
  async run(live) {
    await live.costly(
      "a management listener",
      withBalancer({ management: { port: await freePort() } }),
      {
        touches: [
          ...["balancer", "balancer-nginx", "balancer-serving"].map((each) => `replace ${each}`),
          "update balancer-config",
          "update balancer-ports",
        ],
      },
    );
  },
};

export const subnet: Scenario = {
  name: "subnet",
  about:
    "another subnet for the mesh network, in which nodes and balancer have fixed addresses, and back",
  async run(live) {
    const touches = [
      ...["balancer-joined", "balancer-network"].map((each) => `replace ${each}`),
      ...NODES.map((name) => `replace node ${name}`),
      ...["balancer-config", "balancer-serving", "local-preflight"].map((each) => `update ${each}`),
    ];
    for (const [what, balancer] of [
      ["another subnet", { subnet: ownSubnet() }],
      ["the one before again", {}],
    ] as const) {
      const row = await live.costly(what, withBalancer(balancer), { touches });
      live.expect(row, row.refusedSeconds < 1, "ports were away for more than a moment");
      live.expect(row, row.kept.join() === "balancer,balancer-nginx", "the balancer was replaced");
      const { changes } = await live.stack.preview();
      live.expect(row, changes.length === 0, `a second up would change ${changes.join()}`);
    }
  },
};
