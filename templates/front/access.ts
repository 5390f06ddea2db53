import { ERROR_PATH, VERDICT_PATH } from "../../config/routes.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { asksAtFront } from "./verdict-locations.ts";
import { apiKeyMaps, hasApiKeys } from "./api-keys.ts";
import { KEY_NAME } from "../variables.ts";
import { checksHosts, ownNames } from "../../plan/own-names.ts";
import { namePattern } from "./tls.ts";
import { corsMaps, letsPagesIn, preflight } from "./cors.ts";
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
export function accessMaps(balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive[] {
  const asking = asksAtFront(balancer, nodes);
  const seen = [
    checksHosts(balancer) ? "$mesh_entry" : limitsNetworks(balancer) ? "$mesh_network" : "welcome",
    "$mesh_origin",
    hasApiKeys(balancer) ? "$mesh_caller" : "known",
  ].join(" ");
  return [
    ...networkMaps(balancer),
    ...hostMaps(balancer),
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
        // A node's health check has no key. Only names that have a location, for the same reason.
        ...(asking.length > 0
          ? [entry(pattern`^\S+ \S+ \S+ ${VERDICT_PATH}(${anyOf(asking)})\z`, "pass")]
          : []),
        entry(pattern`^refused `, "network"),
        ...(checksHosts(balancer) ? [entry(pattern`^strange `, "host")] : []),
        entry(pattern`^\S+ preflight `, "preflight"),
        entry(pattern`^\S+ foreign `, "origin"),
        entry(pattern`^\S+ \S+ \S+ /healthz\z`, "pass"),
        entry(pattern`^\S+ \S+ unknown `, "key"),
      ]),
    ),
  ];
}

/**
 * $mesh_entry: as $mesh_network, or strange for a name that is not this machine's. An address is always good: only a name
 * can be made to lead elsewhere. Source: Ollama 0.32.15, server/routes.go, allowedHost.
 */
function hostMaps(balancer: BalancerPlan): Directive[] {
  if (!checksHosts(balancer)) return [];
  return [
    because(
      "names that no page of the internet can have, and the balancer's own",
      hostMap("$mesh_host", ownNames(balancer)),
    ),
    map(`"${limitsNetworks(balancer) ? "$mesh_network" : "welcome"} $mesh_host"`, "$mesh_entry", [
      entry("default", "welcome"),
      entry(pattern`^refused `, "refused"),
      entry(literal("welcome strange"), "strange"),
    ]),
  ];
}

/** Names that are this machine's, or can be nobody's on the internet: welcome; all others are strange. */
export const hostMap = (variable: string, own: readonly string[]): Directive =>
  map("$host", variable, [
    entry("default", "strange"),
    entry(literal("localhost"), "welcome"),
    // Without a Host header it is the server's name.
    entry(literal("_"), "welcome"),
    entry(pattern`\.(localhost|local|internal)\z`, "welcome"),
    entry(pattern`^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])\z`, "welcome"),
    ...own.map((name) => entry(namePattern(name), "welcome")),
  ]);

/** Sends away whom the table refuses, before any location is chosen. */
export function accessChecks(balancer: BalancerPlan): Directive[] {
  const verdicts = {
    ...(limitsNetworks(balancer) ? { network: REFUSED.network } : {}),
    ...(checksHosts(balancer) ? { host: REFUSED.host } : {}),
    ...(letsPagesIn(balancer) ? { preflight: REFUSED.preflight } : {}),
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
