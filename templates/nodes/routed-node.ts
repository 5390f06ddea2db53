import { isIP } from "node:net";
import { GPUS, ROUTER } from "../../config/defaults.ts";
import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { PROGRAM_HASH } from "../njs-program.ts";
import type {
  KeyLimits,
  RoutedNode,
  Router,
  RouterSession,
  RouterSettings,
} from "../router-data.ts";
import { hopSocket } from "./hop.ts";
import { hasHop, isLookedUpAgain } from "./node-address.ts";

/** Whether a program in nginx says where requests should go. */
export const isRouted = ({ routing }: Pick<BalancerPlan, "routing">): boolean =>
  routing === "models";

/** What the program in nginx is told of a node before its addresses are known. */
export type DeclaredNode = Omit<RoutedNode, "name" | "url"> & Partial<Pick<RoutedNode, "url">>;

/**
 * What the stack declares of a node, for the program in nginx.
 *
 * @returns undefined for a node that gets no requests, and with routing plain
 */
export function routedNode(balancer: BalancerPlan, node: NodePlan): DeclaredNode | undefined {
  if (!isRouted(balancer) || node.maintenance) return undefined;
  const { weight, places, container } = node;
  const service = container?.service;
  return {
    kind: node.kind,
    ...urlOf(balancer, node),
    ...(places === undefined ? {} : { places }),
    ...(weight === undefined ? {} : { weight }),
    ...(node.pool === undefined ? {} : { pool: node.pool }),
    ...(node.backup ? { backup: true } : {}),
    ...(node.drain ? { drain: true } : {}),
    ...(node.keyed ? { keyed: true } : {}),
    ...(service ? { healthPath: service.healthPath } : {}),
    ...(service?.probe ? { probe: service.probe } : {}),
    ...gpuShare(container?.gpus),
  };
}

/** A name is looked up at the node's admission where nginx has no resolver. */
function urlOf(balancer: BalancerPlan, node: NodePlan): { url?: string } {
  const { address, port } = node;
  if (hasHop(node)) return { url: `http://${hopSocket(node)}:` };
  if (isIP(address) === 0 && !isLookedUpAgain(balancer, node)) return {};
  return { url: `http://${hostPort(address, port)}` };
}

function gpuShare(gpus: { vendor?: string; minimumPercent?: number } = {}): {
  gpuMinimumPercent?: number;
} {
  const { vendor = "none", minimumPercent = GPUS.minimumPercent } = gpus;
  return vendor === "none" || minimumPercent === 0 ? {} : { gpuMinimumPercent: minimumPercent };
}

/** The program and what it is told beside the nodes; undefined with routing plain. */
export const routerOf = (balancer: BalancerPlan): Router | undefined =>
  isRouted(balancer) ? { program: PROGRAM_HASH, settings: routerSettings(balancer) } : undefined;

/** What the program is told beside the nodes. */
export function routerSettings(balancer: BalancerPlan): RouterSettings {
  return {
    choice: balancer.algorithm === "least_conn" ? "earliest" : "own",
    judged: balancer.health !== "off",
    longestWaitSeconds: balancer.queue.longestWaitSeconds,
    waitingPerPlace: ROUTER.waitingPerPlace,
    requestsMost: ROUTER.requestsMost,
    loadSeconds: ROUTER.loadSeconds,
    ...(balancer.pools ? { pools: balancer.pools.map(({ name }) => name) } : {}),
    ...sessionOf(balancer),
    ...keysOf(balancer),
  };
}

/** Their names and what they may do; the keys themselves are no business of the program's. */
function keysOf({ access }: BalancerPlan): Pick<RouterSettings, "keys" | "countTokens"> {
  if (!access.apiKeys?.length) return {};
  const keys = access.apiKeys.map(({ name, key: _, models, ...limits }): [string, KeyLimits] => [
    name,
    { ...limits, ...(models ? { models: models.map(withTag).sort() } : {}) },
  ]);
  return {
    // In the order of names: another order in the stack file is no change.
    keys: Object.fromEntries(keys.sort(([one], [other]) => (one < other ? -1 : 1))),
    ...(access.countTokens ? { countTokens: true } : {}),
  };
}

/** As Ollama lists a model. */
const withTag = (model: string): string =>
  model.includes(":", model.lastIndexOf("/") + 1) ? model : `${model}:latest`;

function sessionOf({ sticky }: BalancerPlan): { session?: RouterSession } {
  if (!sticky) return {};
  const { cookie, header, promptBytes = 0, expiresSeconds } = sticky;
  return {
    session: {
      ...(cookie === undefined ? {} : { cookie }),
      ...(header === undefined ? {} : { header }),
      prefixBytes: promptBytes,
      seconds: expiresSeconds,
      bound: ROUTER.sessionBound,
    },
  };
}
