import type { NodePlan } from "../../plan/node-plan.ts";
import { isNameInGroup } from "./node-address.ts";

/** Servers that a zone holds on 64-bit, tried out with nginx 1.30.6: one more and nginx refuses the config. */
const ZONES = [
  { size: "64k", servers: 63 },
  { size: "128k", servers: 143 },
  { size: "256k", servers: 303 },
  { size: "512k", servers: 616 },
] as const;

/** Beyond the table; 1m holds 1,250. */
const SERVERS_PER_MEGABYTE = 1000;

/** A name takes a place for itself and one for each address it leads to; two are common (IPv4 and IPv6). */
const PLACES_OF_A_NAME = 3;

/** Size of the memory that the workers share about the nodes: too small, and nginx refuses the config. */
export function zoneSize(nodes: readonly NodePlan[]): string {
  const places = nodes.reduce(
    (sum, node) => sum + (isNameInGroup(node) ? PLACES_OF_A_NAME : 1) * (node.backup ? 2 : 1),
    // The server that stands in while none is admitted, and the one that refuses.
    2,
  );
  const fits = ZONES.find(({ servers }) => places <= servers);
  return fits?.size ?? `${Math.ceil(places / SERVERS_PER_MEGABYTE)}m`;
}
