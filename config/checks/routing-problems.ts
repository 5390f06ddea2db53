import type { BalancerArgs } from "../balancer-args.ts";
import type { Known } from "../mesh-config.ts";
import type { Problem } from "../problems.ts";
import type { IndexedNode } from "./well-formed.ts";

/** What settings of the choice of a node do not go together. */
export const routingProblems = (
  balancer: Known<BalancerArgs>,
  nodes: readonly IndexedNode[],
): Problem[] => [
  ...stickyProblems(balancer),
  ...plainProblems(balancer, nodes),
  ...unjudgedProblems(balancer),
  ...quotaProblems(balancer),
];

function stickyProblems({ sticky }: Known<BalancerArgs>): Problem[] {
  if (!sticky) return [];
  const { cookie, header, promptBytes = 0 } = sticky;
  if (cookie !== undefined && header !== undefined) {
    return [{ path: "balancer.sticky", text: "must have either a cookie or a header" }];
  }
  if (promptBytes > 0 || cookie !== undefined || header !== undefined) return [];
  return [{ path: "balancer.sticky", text: "must have a cookie, a header or promptBytes" }];
}

/** With routing plain nginx knows nothing of nodes but what max_fails tells. */
function plainProblems(
  { routing, health, closeOnFailure, queue, sticky }: Known<BalancerArgs>,
  nodes: readonly IndexedNode[],
): Problem[] {
  if (routing !== "plain") return [];
  const declared = [
    ...(health === undefined ? [] : ["balancer.health"]),
    ...(closeOnFailure === undefined ? [] : ["balancer.closeOnFailure"]),
    ...(queue === undefined ? [] : ["balancer.queue"]),
    ...(sticky?.promptBytes ? ["balancer.sticky.promptBytes"] : []),
    ...nodes.flatMap(({ at, node }) => (node.places === undefined ? [] : `nodes[${at}].places`)),
  ];
  return declared.map((path) => ({
    path,
    text: "has no effect with balancer.routing plain; leave one of them out",
  }));
}

/** What nginx alone cannot keep of a key: it counts no tokens, and knows no models. */
function quotaProblems({ routing, access }: Known<BalancerArgs>): Problem[] {
  if (access?.countTokens && !access.apiKeys) {
    return [{ path: "balancer.access.countTokens", text: "has no effect without apiKeys" }];
  }
  return routing === "plain" ? quotaPaths(access).map((path) => ({ path, text: UNKEPT })) : [];
}

const UNKEPT =
  "is not kept with balancer.routing plain: nginx alone knows neither models nor tokens nor days; use routing models, or leave it out";

/** Settings of a key that the program in nginx keeps. */
const QUOTAS = ["models", "tokensPerDay", "requestsPerDay", "expires"] as const;

/** What is declared that only the program in nginx keeps, by path. */
export const quotaPaths = (access: Known<BalancerArgs>["access"]): string[] => [
  ...(access?.countTokens ? ["balancer.access.countTokens"] : []),
  ...(access?.apiKeys ?? []).flatMap((key, at) =>
    QUOTAS.filter((setting) => key[setting] !== undefined).map(
      (setting) => `balancer.access.apiKeys[${at}].${setting}`,
    ),
  ),
];

/** Who judges nobody finds no failure. */
function unjudgedProblems({ health, closeOnFailure }: Known<BalancerArgs>): Problem[] {
  return health === "off" && closeOnFailure
    ? [
        {
          path: "balancer.closeOnFailure",
          text: "has no effect with balancer.health off; leave one of them out",
        },
      ]
    : [];
}
