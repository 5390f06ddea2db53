import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { isSealed, parseState, type MeshState } from "../../steps/balancer/mesh-state.ts";
import { DockerError, dockerSync } from "../../steps/engine/docker-engine.ts";
import { CONFIG_FOLDER, LOOPBACK_PORT } from "../../templates/nginx-layout.ts";
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

/** The files of the config volume on one line each, then the hash that nginx names. */
const OBSERVE = `cd ${CONFIG_FOLDER} && { cat mesh.json 2>/dev/null; echo; sha256sum < current/nginx.conf | cut -c1-64
curl -s -m 2 http://127.0.0.1:${LOOPBACK_PORT}/config-hash; }`;

/**
 * Asks the balancer how it stands, while the program runs: which nodes serve decides what has to wait for
 * what, and what somebody changed by hand is to be shown by a preview. It only looks, and never throws. Under
 * Pulumi's mocks nothing is asked. (Without a promise, because resource options must be known at once.)
 */
export function askBalancer({ endpoint, container }: BalancerRef): ObservedMesh | NotObserved {
  if (pulumi.runtime.getMonitor() instanceof MockMonitor) return "unknown";
  try {
    const printed = dockerSync(endpoint, ["exec", container, "sh", "-c", OBSERVE], ANSWER_SECONDS);
    return parseObserved(printed);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return error.isNotFound ? "none" : "unknown";
  }
}

/** Reads what OBSERVE printed. */
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
