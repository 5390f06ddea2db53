import { createHash } from "node:crypto";
import { observeCommand } from "../../steps/balancer/ask.ts";
import { engineIsMocked } from "../engine-is-mocked.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { isSealed, parseState, type MeshState } from "../../steps/balancer/mesh-state.ts";
import { DockerError, dockerSync } from "../../steps/engine/docker-engine.ts";
import { withServers } from "../../templates/admitted-servers.ts";

/** A balancer that needs longer is taken for one that cannot be asked. Over ssh an answer takes a second. */
const ANSWER_SECONDS = 10;

/** What the balancer has at the moment. */
export interface ObservedMesh {
  state: MeshState;
  /** Whether mesh.json is as a step wrote it. */
  sealed: boolean;
  /** What is wrong with the config that serves, if anything. */
  wrong?: string;
}

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

/** Reads what observe.sh printed. */
export function parseObserved(printed: string): ObservedMesh {
  const [json = "", digest = "", served = ""] = printed.split("\n");
  const state = parseState(json);
  const { conf, hash } = withServers(state.base, state.servers, state.secrets);
  const ours = createHash("sha256").update(conf).digest("hex");
  const wrong =
    digest !== ours
      ? "nginx.conf in the config volume was changed by hand"
      : served !== hash
        ? `nginx serves with ${served ? "another config" : "no config"}`
        : undefined;
  return { state, sealed: isSealed(state), ...(wrong === undefined ? {} : { wrong }) };
}
