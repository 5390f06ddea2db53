// nginx is replaced again and again while clients keep connections, open new ones, and stream for longer than it takes.
import { makeCertificate } from "../../behaviour/harness/certificate.ts";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { nginxImage } from "../../engine/support/lab.ts";
import { clients, withLong } from "../load/clients.ts";
import { nextRelease } from "../derived-images.ts";
import type { LiveMesh } from "../live-mesh.ts";
import { meshWith, type Scenario } from "../scenario.ts";

/** Replacements in a row: MESH_LIVE_REPLACEMENTS, default 2. */
const TIMES = Number(process.env["MESH_LIVE_REPLACEMENTS"] ?? 2);

const TOUCHES = [
  "replace balancer-nginx",
  "replace balancer-serving",
  "update balancer-config",
  "update balancer-image",
  "update balancer-ports",
];

// The new nginx gets all that is new at once; the old one has until the longest stream has ended.
const meshOf = (balancer: object) =>
  meshWith({ balancer, rollout: { drainTimeoutSeconds: 300 } }, "a", "b", "c");

/** Streams that last longer than a replacement. */
const groups = withLong(clients(), { tokens: 400, deadlineSeconds: 280 });

async function replaceNginx(
  live: LiveMesh,
  balancer: object,
  touches: readonly string[],
): Promise<void> {
  const image = await nextRelease(nginxImage(), "nginx");
  for (let at = 1; at <= TIMES; at++) {
    const declared = at % 2 ? { ...balancer, image } : balancer;
    await live.planned(`another nginx image, ${at} of ${TIMES}`, meshOf(declared), {
      touches,
    });
  }
}

export const balancerImage: Scenario = {
  name: "balancer-image",
  about:
    "another nginx image (MESH_LIVE_REPLACEMENTS times) under 500 new connections a second and long streams",
  config: async () => meshOf({ listen: { address: await bridgeAddress() } }),
  // Answered by nginx itself: three nodes with half a core each cannot take as many on a busy machine, whichever nginx
  // asks them ("upstream timed out while connecting"), and what is to be known is which connections nginx takes.
  order: { groups, connections: { perSecond: 500, path: "/healthz" } },
  async run(live) {
    // Not by 127.0.0.1: Docker's proxy, which is in the way there, ends for good when it runs out of files (moby 6402),
    // as on a machine that is too busy for some seconds to answer 500 connections in each.
    const address = await bridgeAddress();
    live.order.url = live.order.url.replace("127.0.0.1", address);
    await replaceNginx(live, { listen: { address } }, TOUCHES);
  },
};

const tls = () => makeCertificate(nginxImage());

export const balancerImageTls: Scenario = {
  name: "balancer-image-tls",
  about: "the same over TLS, half of the clients by HTTP/2, 50 new connections a second",
  config: async () => meshOf({ tls: (certificate ??= await tls()) }),
  order: {
    groups: [...groups, ...groups.map((group) => ({ ...group, http2: true }))],
    connections: { perSecond: 50, path: "/api/version" },
  },
  async run(live) {
    live.order.url = live.order.url.replace("http:", "https:");
    // Secret files are written by a container of the image.
    await replaceNginx(live, { tls: certificate }, [...TOUCHES, "update balancer-secrets"]);
  },
};

let certificate: Awaited<ReturnType<typeof tls>> | undefined;
