import { ERROR_PATH } from "../../config/routes.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { apiKeyMaps, hasApiKeys } from "./api-keys.ts";
import { KEY_NAME } from "../variables.ts";
import { corsMaps, preflight } from "./cors.ts";
import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { anyOf, literal, pattern } from "../words.ts";
import { pagesWithPath } from "./error-pages.ts";
import { limitsNetworks, networkMaps } from "./network-access.ts";
import { REFUSED } from "./refusals.ts";

/**
 * Who may come in: $mesh_verdict is pass, network, preflight, origin or key.
 *
 * One table for the whole front instead of something in each location: a route that somebody adds can't be
 * forgotten. The path comes last in what is looked at, since it is the only part that clients write. Who has
 * nothing against him needs one look-up instead of five expressions, before his first token.
 */
export function accessMaps(balancer: BalancerPlan): Directive[] {
  const seen = [
    limitsNetworks(balancer) ? "$mesh_network" : "welcome",
    "$mesh_origin",
    hasApiKeys(balancer) ? "$mesh_caller" : "known",
  ].join(" ");
  return [
    ...networkMaps(balancer),
    ...corsMaps(balancer),
    ...apiKeyMaps(balancer),
    ...(hasApiKeys(balancer)
      ? [map(KEY_NAME, "$mesh_caller", [entry("default", "known"), entry(literal(""), "unknown")])]
      : []),
    map(`"${seen}"`, "$mesh_verdict", [
      entry("default", "$mesh_verdict_by_path"),
      entry(literal("welcome none known"), "pass"),
    ]),
    because(
      "who may come in, first line first; \\z and not $, which lets a line feed through",
      map(`"${seen} $uri"`, "$mesh_verdict_by_path", [
        entry("default", "pass"),
        // Where nginx is sent for its own errors; clients get 404 there. Only what has a location: another path
        // would go on to wherever unknown ones go.
        entry(pattern`^\S+ \S+ \S+ ${ERROR_PATH}/(${anyOf(pagesWithPath(balancer))})\z`, "pass"),
        entry(pattern`^refused `, "network"),
        entry(pattern`^\S+ preflight `, "preflight"),
        entry(pattern`^\S+ foreign `, "origin"),
        entry(pattern`^\S+ \S+ \S+ /healthz\z`, "pass"),
        entry(pattern`^\S+ \S+ unknown `, "key"),
      ]),
    ),
  ];
}

/** Sends away whom the table refuses, before any location is chosen. */
export function accessChecks(balancer: BalancerPlan): Directive[] {
  const verdicts = {
    ...(limitsNetworks(balancer) ? { network: REFUSED.network } : {}),
    ...(balancer.access.corsOrigins?.length ? { preflight: REFUSED.preflight } : {}),
    origin: REFUSED.origin,
    ...(hasApiKeys(balancer) ? { key: REFUSED.key } : {}),
  };
  return [
    ...Object.entries(verdicts).map(([verdict, code]) =>
      block("if", ["($mesh_verdict", "=", `${verdict})`], [directive("return", code)]),
    ),
    ...preflight(balancer, REFUSED.preflight),
  ];
}
