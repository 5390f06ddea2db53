import { observeCommand } from "../../steps/balancer/ask.ts";
import { engineIsMocked } from "../engine-is-mocked.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { holdsAddressCommand } from "../../steps/balancer/virtual-address/hold-address.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { parseObserved, type ObservedMesh } from "../../steps/balancer/mesh-state.ts";
import { DockerError, dockerSync } from "../../steps/engine/docker-engine.ts";

/** An engine, or a balancer, that needs longer is taken for one that cannot be asked. Over ssh an answer takes a second. */
export const ANSWER_SECONDS = 10;

export type { ObservedMesh };

/** There is no balancer yet; or there may be one, but it cannot be asked. */
export type NotObserved = "none" | "unknown";

/**
 * Asks the balancer how it stands, while the program runs: which nodes serve decides what has to wait for
 * what, and what somebody changed by hand is to be shown by a preview. It only looks, and never throws. Under
 * Pulumi's mocks nothing is asked. (Without a promise, because resource options must be known at once.)
 */
export function askBalancer({ endpoint, container }: BalancerRef): ObservedMesh | NotObserved {
  if (engineIsMocked()) return "unknown";
  try {
    const printed = dockerSync(endpoint, observeCommand(container), ANSWER_SECONDS);
    return parseObserved(printed);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return error.isNotFound ? "none" : "unknown";
  }
}

/** Whether a balancer's machine has the address that two of them share at the moment; false where nobody can tell. */
export function hasVirtualAddress({ endpoint, virtualAddress }: BalancerPlan): boolean {
  if (!virtualAddress || engineIsMocked()) return false;
  try {
    return dockerSync(endpoint, holdsAddressCommand(virtualAddress), ANSWER_SECONDS).trim() !== "";
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return false;
  }
}
