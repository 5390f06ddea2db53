import { VERDICT_PATH } from "../../config/routes.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { verdictSource } from "../../plan/verdict-source.ts";
import { because, block, type Directive, directive } from "../directive.ts";
import { LIMITED_ADDRESS } from "../variables.ts";
import { literal } from "../words.ts";
import { goesByAddress } from "./limits.ts";

/** Where nodes that are not in the mesh network ask about themselves, each for itself, on a port that clients reach too. */
export const verdictLocations = (balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive[] =>
  asksAtFront(balancer, nodes).map((name) =>
    block(
      "location",
      ["=", literal(`${VERDICT_PATH}${name}`)],
      [
        ...(goesByAddress(balancer)
          ? [
              because(
                "no client's limit: at the node's address there may be clients, whose requests hang where it does",
                directive("set", LIMITED_ADDRESS, '""'),
              ),
            ]
          : []),
        directive("access_log", "off"),
        directive("js_content", "requests.verdicts"),
      ],
    ),
  );

/** Names of the nodes that ask there, sorted. */
export const asksAtFront = (balancer: BalancerPlan, nodes: readonly NodePlan[]): string[] =>
  nodes
    .filter((node) => verdictSource(balancer, node)?.via === "front")
    .map(({ name }) => name)
    .sort();
