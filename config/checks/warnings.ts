import { isIP } from "node:net";
import { isGuarded } from "../mesh-config.ts";
import { BALANCER, OLLAMA_LOAD_SECONDS, RETRY } from "../defaults.ts";
import type { BalancerArgs } from "../balancer-args.ts";
import type { Known, MeshConfig } from "../mesh-config.ts";
import { isLoopback, isPrivate } from "../net/private-networks.ts";
import type { Problem } from "../problems.ts";

/** What is allowed, since somebody may want just that, but hurts where nobody meant it. */
export function balancerWarnings(config: MeshConfig): Problem[] {
  const balancer = config.balancer ?? {};
  return [...nodeWarnings(config), ...timeOutWarnings(config), ...openDoorWarnings(balancer)];
}

function nodeWarnings(config: MeshConfig): Problem[] {
  const { nodes, balancer = {} } = config;
  const [first] = nodes;
  // A name may lead to several servers.
  const alone = nodes.length === 1 && (first!.managed !== false || isIP(first!.address ?? "") > 0);
  const primaries = nodes.filter(({ backup }) => !backup);
  const working = nodes.filter(({ maintenance }) => !maintenance);
  const warnings: Problem[] = [];
  if (alone && working.length > 0) {
    warnings.push({
      path: "nodes",
      text: "has one node: when it fails nothing is tried elsewhere, and nginx never leaves it out; add a second one or a backup",
    });
  }
  if (working.length === 0) {
    warnings.push({
      path: "nodes",
      text: "are all in maintenance: clients get 503; take maintenance from one of them",
    });
  } else if (primaries.every(({ maintenance }) => maintenance)) {
    warnings.push({
      path: "nodes",
      text: "that are no backups are all in maintenance: the backups take every request; take maintenance from one of them",
    });
  }
  if (balancer.retry?.profile === "strict") {
    nodes.forEach((node, at) => {
      if (isGuarded(config, node)) {
        warnings.push({
          path: `nodes[${at}].access`,
          text: "balancerOnly with balancer.retry.profile strict: when nobody listens there a POST fails instead of being tried elsewhere; use the profile llm",
        });
      }
      if (!node.tls) return;
      warnings.push({
        path: `nodes[${at}].tls`,
        text: "with balancer.retry.profile strict: when nobody listens there a POST fails instead of being tried elsewhere; use the profile llm, or plain HTTP",
      });
    });
  }
  return warnings;
}

function timeOutWarnings({ nodes, ollama = {}, balancer = {} }: MeshConfig): Problem[] {
  const warnings: Problem[] = [];
  const read = balancer.readTimeoutSeconds ?? BALANCER.readTimeoutSeconds;
  const budget = balancer.retry?.timeoutSeconds ?? RETRY.timeoutSeconds;
  const on: readonly string[] =
    balancer.retry?.on ?? RETRY.conditions[balancer.retry?.profile ?? RETRY.profile];
  const loads = nodes.some(
    (node) => node.managed !== false && { ...ollama, ...node.ollama }.loadTimeout === undefined,
  );
  if (loads && read < OLLAMA_LOAD_SECONDS) {
    warnings.push({
      path: "balancer.readTimeoutSeconds",
      text: `is ${read}, and Ollama may load a model without a word for ${OLLAMA_LOAD_SECONDS}: a slow load is aborted; use at least as much, or declare a shorter ollama.loadTimeout`,
    });
  }
  if (read < budget && ["timeout", "non_idempotent"].every((each) => on.includes(each))) {
    warnings.push({
      path: "balancer.readTimeoutSeconds",
      text: `is ${read}, below retry.timeoutSeconds (${budget}): a node that is silent for so long is given up and the request begun again on the next; use more than ${budget}`,
    });
  }
  if (balancer.maxFails === 0) {
    const connect = balancer.connectTimeoutSeconds ?? BALANCER.connectTimeoutSeconds;
    warnings.push({
      path: "balancer.maxFails",
      text: `is 0: a dead node is never left out, and each request that it should have had waits up to ${connect} s; use ${BALANCER.maxFails}`,
    });
  }
  return warnings;
}

function openDoorWarnings({ listen, tls, access, management }: Known<BalancerArgs>): Problem[] {
  const address = listen?.address ?? BALANCER.listen.address;
  const warnings: Problem[] = [];
  if (access?.apiKeys && !tls && !access.trustedProxies?.length && !isLoopback(address)) {
    warnings.push({
      path: "balancer.access.apiKeys",
      text: `go over the network in plain text, since clients come to ${address} without TLS; declare balancer.tls`,
    });
  }
  if (management?.address !== undefined && !isPrivate(management.address)) {
    warnings.push({
      path: "balancer.management.address",
      text: `is ${management.address}, which others may reach: it knows no keys and no TLS, and lets models be deleted; use 127.0.0.1 or a private address`,
    });
  }
  return warnings;
}
