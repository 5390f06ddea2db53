import { isIP } from "node:net";
import { isGuarded, listenAddresses } from "../mesh-config.ts";
import { BALANCER, OLLAMA, OLLAMA_LOAD_SECONDS, RETRY } from "../defaults.ts";
import type { BalancerArgs } from "../balancer-args.ts";
import type { Known, MeshConfig, NodeConfig } from "../mesh-config.ts";
import type { OllamaSettings } from "../node-args.ts";
import { isLoopback, isPrivate } from "../net/private-networks.ts";
import { defaultTries, neededTries, triesElsewhere } from "./plain-retry.ts";
import type { Problem } from "../problems.ts";
import { byPool, poolNamed } from "../pools/pool-groups.ts";

/** What is allowed, since somebody may want just that, but hurts where nobody meant it. */
export function balancerWarnings(config: MeshConfig): Problem[] {
  const balancer = config.balancer ?? {};
  return [
    ...nodeWarnings(config),
    ...modelWarnings(config),
    ...parallelWarnings(config),
    ...timeOutWarnings(config),
    ...openDoorWarnings(balancer),
    ...expiredKeyWarnings(balancer),
    ...burstWarnings(balancer),
    ...monitoringWarnings(config),
    ...virtualAddressWarnings(balancer),
  ];
}

function nodeWarnings(config: MeshConfig): Problem[] {
  const { nodes, balancer = {} } = config;
  const [first] = nodes;
  // A name may lead to several servers.
  const alone = nodes.length === 1 && (first!.managed !== false || isIP(first!.address ?? "") > 0);
  const working = nodes.filter(({ maintenance }) => !maintenance);
  const warnings: Problem[] = [];
  if (alone && working.length > 0) {
    warnings.push({
      path: "nodes",
      text: "has one node: when it fails nothing is tried elsewhere, and nginx never leaves it out; add a second one or a backup",
    });
  }
  warnings.push(...idleWarnings(config));
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

/** Pools whose nodes are all out of traffic, by the user's word; without pools, all nodes. */
function idleWarnings({ nodes }: MeshConfig): Problem[] {
  const pools = [...byPool(nodes, (node) => node)];
  return pools.flatMap(([pool, own]): Problem[] => {
    const of = pools.length > 1 ? ` of ${poolNamed(pool)}` : "";
    const isOut = ({ maintenance, offline }: NodeConfig) =>
      maintenance || (offline && pools.length > 1);
    const path = "nodes";
    if (own.every(isOut)) {
      const text = `are all in maintenance${pools.length > 1 && own.some(({ offline }) => offline) ? " or offline" : ""}: clients get 503; take maintenance from one of them`;
      return [{ path, text: `${of} ${text}`.trim() }];
    }
    if (!own.filter(({ backup }) => !backup).every(isOut)) return [];
    const text = `that are no backups are all in maintenance: the backups take every request; take maintenance from one of them`;
    return [{ path, text: `${of} ${text}`.trim() }];
  });
}

/** With routing plain a request must be tried on as many nodes as have not its model, and one more. */
function modelWarnings(config: MeshConfig): Problem[] {
  const { routing, retry = {} } = config.balancer ?? {};
  const needed = neededTries(config);
  if (routing !== "plain" || needed === 1) return [];
  const why = "nodes have, or may have, different models, and nginx alone does not know which";
  const way = "use balancer.routing models, or give all nodes the same models";
  if (!triesElsewhere(retry)) {
    const path = retry.on ? "balancer.retry.on" : "balancer.retry.profile";
    const text = `hands a node's 404 on: ${why}, so some requests end in 404 although another node has the model; ${way}`;
    return [{ path, text }];
  }
  const { tries } = { ...defaultTries(config), ...retry };
  if (tries >= needed) return [];
  const path = retry.tries === undefined ? "balancer.retry.timeoutSeconds" : "balancer.retry.tries";
  const text = `leaves ${tries} tries where ${needed} are needed: ${why}, so some requests end in 404 although another node has the model; raise it, or ${way}`;
  return [{ path, text }];
}

/** A variable of Ollama by whose setting the balancer reckons: its own value may be known later only. */
const PARALLEL = "OLLAMA_NUM_PARALLEL";

function parallelWarnings({ nodes, ollama = {}, balancer }: MeshConfig): Problem[] {
  if (balancer?.routing === "plain") return [];
  const isSet = ({ environment = {} }: Known<OllamaSettings>) => PARALLEL in environment;
  const reckoned = nodes.flatMap((node, at) =>
    node.managed === false || node.service || node.places !== undefined ? [] : [{ node, at }],
  );
  const warning = (path: string, { numParallel = OLLAMA.numParallel }: Known<OllamaSettings>) => ({
    path: `${path}ollama.environment.${PARALLEL}`,
    text: `is not what the balancer goes by: it reckons with ${numParallel} requests at a time; declare ollama.numParallel instead`,
  });
  return [
    ...(isSet(ollama) && reckoned.length > 0 ? [warning("", ollama)] : []),
    ...reckoned.flatMap(({ node, at }) =>
      node.ollama && isSet(node.ollama)
        ? [warning(`nodes[${at}].`, { ...ollama, ...node.ollama })]
        : [],
    ),
  ];
}

function timeOutWarnings({ nodes, ollama = {}, balancer = {} }: MeshConfig): Problem[] {
  const warnings: Problem[] = [];
  const read = balancer.readTimeoutSeconds ?? BALANCER.readTimeoutSeconds;
  const routing = balancer.routing ?? BALANCER.routing;
  const budget = balancer.retry?.timeoutSeconds ?? RETRY.timeoutSeconds[routing];
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
  const addresses = listenAddresses(listen);
  const address = addresses.find((each) => !isLoopback(each)) ?? addresses[0]!;
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

/** It looks like a limit. */
function burstWarnings({ access }: Known<BalancerArgs>): Problem[] {
  const { burst, requestsPerMinute } = access?.limits ?? {};
  if (burst === undefined || requestsPerMinute !== undefined) return [];
  const text = "limits nothing without requestsPerMinute; declare that, or leave it out";
  return [{ path: "balancer.access.limits.burst", text }];
}

/** Days are UTC's. */
function expiredKeyWarnings({ access }: Known<BalancerArgs>): Problem[] {
  const today = new Date().toISOString().slice(0, 10);
  return (access?.apiKeys ?? []).flatMap(({ name, expires }, at) =>
    expires !== undefined && expires < today
      ? [
          {
            path: `balancer.access.apiKeys[${at}].expires`,
            text: `is ${expires}, which is over: the key of ${name} is refused; take it out, or give it a later day`,
          },
        ]
      : [],
  );
}

function monitoringWarnings({ monitoring }: MeshConfig): Problem[] {
  if (monitoring?.address === undefined || isLoopback(monitoring.address)) return [];
  return [
    {
      path: "monitoring.address",
      text: `is ${monitoring.address}, where others read Prometheus, which knows no keys, and Grafana's password comes without TLS; use 127.0.0.1 and ssh -L, unless that network is yours`,
    },
  ];
}

/** Where networks are virtual, a machine that says that it has an address is not believed. */
function virtualAddressWarnings({ virtualAddress }: Known<BalancerArgs>): Problem[] {
  if (virtualAddress === undefined || isPrivate(virtualAddress)) return [];
  return [
    {
      path: "balancer.virtualAddress",
      text: `is ${virtualAddress}, a public address: clouds do not let machines take one over by themselves; use the cloud's load balancer or two addresses (docs/two-balancers.md), unless these machines are on a network of your own`,
    },
  ];
}
