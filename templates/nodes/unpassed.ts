import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { type Directive, entry, map } from "../directive.ts";
import { pattern } from "../words.ts";

/** What a node said that nginx cannot pass on: more than its buffer holds, or no HTTP; else empty. */
export const UNPASSED = "$mesh_unpassed";

/**
 * A node that was connected to and said something, and yet it was no answer: then it is the node's fault and no other's, and
 * another try would end as this one did. The last of several counts.
 */
export const unpassed = (): Directive =>
  map('"$upstream_status $upstream_bytes_received"', UNPASSED, [
    entry("default", '""'),
    entry(pattern`^(?:.*[ ,])?502 (?:.*[ ,])?[1-9]\d*\z`, ":unpassed"),
  ]);

/** Stands in the message for the variable with the node's name, which no JSON may hold. */
export const NODE_NAME = "@NODE@";

/** What the client is told of it. */
export const unpassedMessage = ({ nodeHeader }: Pick<BalancerPlan, "nodeHeader">): string =>
  `${nodeHeader ? `node ${NODE_NAME}` : "a node"} answered with what cannot be passed on: headers of more than 64 KiB, or no HTTP; the log of the balancer says which`;
