import { ERROR_PATH } from "../../config/routes.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, type Directive, directive, entry, map } from "../directive.ts";
import { type Pattern, pattern } from "../words.ts";
import { maybePoolPath, ownPoolPath } from "./pools.ts";

// A path before the API, as a proxy in front may keep it. It is cut off before anything else looks at the path, so that
// all that is allowed, refused and counted below it is what it is without.

/** $mesh_base: what the client has put before the API's own path, for what leads it back there. */
const BASE = "$mesh_base";

/** What may stand before the API's own path in the URL that a client wrote. */
export const maybeBase = (balancer: Prefixes): Pattern =>
  balancer.basePath === undefined
    ? maybePoolPath(balancer)
    : pattern`(?:${balancer.basePath})?${maybePoolPath(balancer)}`;

type Prefixes = Pick<BalancerPlan, "basePath" | "pools">;

/** What a request had before the API's own path, as a word of nginx: variables, or empty where nothing can be cut off. */
export const ownPrefix = (balancer: Prefixes): string =>
  `${balancer.basePath === undefined ? "" : BASE}${ownPoolPath(balancer)}`;

/** What the http block needs. */
export function basePathMaps({ basePath }: BalancerPlan): Directive[] {
  if (basePath === undefined) return [];
  return [
    map("$request_uri", BASE, [
      entry("default", '""'),
      entry(pattern`^${basePath}(?:[/?]|\z)`, basePath),
    ]),
  ];
}

/** Cuts it off; first of all in the server. To nginx a path that was cut is its own, which may get to pages of errors. */
export function cutBasePath({ basePath }: BalancerPlan): Directive[] {
  if (basePath === undefined) return [];
  return [
    because(
      "before who may come in and which route it is are looked at: both go by what follows",
      directive(
        "rewrite",
        `"^(?s)${basePath.replaceAll(".", "\\.")}(?:/(?!${ERROR_PATH.slice(1)}/)(.*))?\\z"`,
        "/$1",
      ),
    ),
  ];
}

/** Where nodes send clients, below the path that these came by. */
export function redirectsBelowBase(balancer: BalancerPlan): Directive[] {
  const prefix = ownPrefix(balancer);
  if (prefix === "") return [];
  return [
    ...(balancer.routes.set === "ollama"
      ? []
      : [
          directive(
            "proxy_redirect",
            '"$scheme://$host$is_request_port$request_port/"',
            `${prefix}/`,
          ),
        ]),
    directive("proxy_redirect", "/", `${prefix}/`),
    directive("proxy_cookie_path", "/", `${prefix}/`),
  ];
}
