import type { Known, MeshConfig } from "../mesh-config.ts";
import type { BalancerArgs, RetryArgs } from "../balancer-args.ts";
import { BALANCER, RETRY } from "../defaults.ts";
import { byPool } from "../pools/pool-groups.ts";

/** How many nodes one request may be tried on, and for how long. */
export interface Tries {
  tries: number;
  timeoutSeconds: number;
}

/** What the nodes of a mesh are known to have. */
export type DeclaredModels = Pick<MeshConfig, "nodes" | "models" | "balancer">;

/**
 * Tries of a request where nothing is declared. With routing plain nginx does not know which node has a model: a request
 * must get past all those that have it not, or it ends in 404 because of where it began.
 */
export function defaultTries(config: DeclaredModels): Tries {
  const { routing = BALANCER.routing, retry = {}, ...rest } = config.balancer ?? {};
  const seconds = RETRY.timeoutSeconds[routing];
  if (routing !== "plain" || !triesElsewhere(retry))
    return { tries: RETRY.tries, timeoutSeconds: seconds };
  const connect = rest.connectTimeoutSeconds ?? BALANCER.connectTimeoutSeconds;
  const needed = Math.max(RETRY.tries, neededTries(config));
  // A declared budget stays, and with it as many tries as have time.
  const { timeoutSeconds } = retry;
  if (timeoutSeconds !== undefined) {
    return { tries: Math.min(needed, Math.floor(timeoutSeconds / connect) + 1), timeoutSeconds };
  }
  return { tries: needed, timeoutSeconds: Math.max(seconds, connect * (needed - 1)) };
}

/** Whether a 404 of a node leads to another one. */
export function triesElsewhere({ profile = RETRY.profile, on }: RetryArgs): boolean {
  const conditions: readonly string[] = on ?? RETRY.conditions[profile];
  return ["http_404", "non_idempotent"].every((each) => conditions.includes(each));
}

/** Tries after which every request has been at a node that has its model; 1 where all have the same. */
export function neededTries({ nodes, models = [], balancer = {} }: DeclaredModels): number {
  if (!tellsModels(balancer)) return 1;
  return Math.max(
    1,
    ...[...byPool(nodes, (node) => node).values()].map((own) => triesIn(own, models)),
  );
}

/** Of one pool: its requests get to no other. */
function triesIn(nodes: DeclaredModels["nodes"], models: readonly string[]): number {
  const working = nodes.filter(
    ({ maintenance, offline, service }) => !maintenance && !offline && !service,
  );
  // What servers that somebody else runs have, nobody has declared; backups are asked when all others were.
  if (working.some(({ managed, backup }) => managed === false && !backup)) return working.length;
  const lists = working.map(
    (node) => new Set(node.managed === false ? [] : (node.models ?? models)),
  );
  const all = new Set(lists.flatMap((list) => [...list]));
  const without = [...all].map((model) => lists.filter((list) => !list.has(model)).length);
  return Math.max(0, ...without) + 1;
}

/** Other model servers have one model each, and know no 404 for another. */
const tellsModels = ({ routes }: Known<BalancerArgs>): boolean =>
  (routes?.set ?? "ollama") === "ollama";
