import { readFileSync } from "node:fs";
import { CLOSER } from "../../config/defaults.ts";
import { BALANCER_NAME, connectionCloser } from "../../config/names.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { VERDICT_PORT } from "../../templates/nginx-layout.ts";
import { hardenedContainer } from "./hardened-container.ts";

/**
 * What the docker provider is told of the container that closes nginx's connections to frozen nodes, but for its image.
 * Pure. Of all capabilities it has the one that the kernel asks for, and it sees nginx's network alone: no file of its
 * volume, no key, no process.
 *
 * @param nodes those in traffic; over TLS too, since nginx reaches each at its own address
 * @param front id of the container that owns nginx's network
 */
export function closerContainerArgs(mesh: string, nodes: readonly NodePlan[], front: string) {
  const hardened = hardenedContainer(mesh, BALANCER_NAME, CLOSER.stopSeconds);
  const { tmpfs: _, ...rest } = hardened;
  return {
    ...rest,
    name: connectionCloser(mesh),
    entrypoints: ["perl", "-e", CLOSE],
    command: [String(VERDICT_PORT), ...nodes.flatMap(place)],
    networkMode: `container:${front}`,
    // Docker's own spelling, as the provider reads it back. Only root has it without a file that gives it.
    capabilities: { ...hardened.capabilities, adds: ["CAP_NET_ADMIN"] },
    user: "0:0",
    readOnly: true,
    memory: CLOSER.memoryMib,
    memorySwap: CLOSER.memoryMib,
  };
}

const place = ({ name, address, port }: NodePlan) => [name, address, String(port)];

const CLOSE = readFileSync(new URL("close-connections.pl", import.meta.url), "utf8");
