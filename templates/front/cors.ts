import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { CORS } from "../../config/defaults.ts";
import { ownNames } from "../../plan/own-names.ts";
import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { ANY_LABEL } from "./tls.ts";
import { type Argument, literal, type Pattern, pattern, quoted } from "../words.ts";

const declaredOrigins = ({ access }: BalancerPlan): readonly string[] =>
  access.corsOrigins ?? CORS.origins;

/** Origins that may, sorted; "*" is a part of one. None where an empty list is declared. */
function origins(balancer: BalancerPlan): string[] {
  const corsOrigins = declaredOrigins(balancer);
  return corsOrigins.length === 0 ? [] : [...new Set([...corsOrigins, ...own(balancer)])].sort();
}

/** Whether any page may. */
export const letsPagesIn = ({ access }: BalancerPlan): boolean => access.corsOrigins?.length !== 0;

/** Pages that the balancer itself serves, or something in front of it at the same name. Never what a Host header says. */
function own(balancer: BalancerPlan): string[] {
  const { tls, listen, access } = balancer;
  const at = (scheme: "http" | "https", port: number) =>
    `${scheme}://@${port === (scheme === "http" ? 80 : 443) ? "" : `:${port}`}`;
  const places = [
    at(tls ? "https" : "http", listen.port),
    ...(access.trustedProxies?.length ? [at("https", 443)] : []),
  ];
  return ownNames(balancer).flatMap((name) => places.map((place) => place.replace("@", name)));
}

/** An origin with "*" in it: of a host's name any part, of a port its digits, else whatever an origin may hold. */
function originPattern(origin: string): Pattern {
  const [before = "", after = ""] = origin.split("*");
  const any = before.endsWith(":")
    ? pattern`\d{1,5}`
    : /^https?:/.test(origin)
      ? pattern`[A-Za-z0-9.-]+`
      : pattern`[^\s,]*`;
  return pattern`^${before}${any}${after}\z`;
}

/** An origin of the balancer's own with "*" in it: what its certificate is for, of which "*" is one label. */
function ownPattern(origin: string): Pattern {
  const [before = "", after = ""] = origin.split("*");
  return pattern`^${before}${ANY_LABEL}${after}\z`;
}

/**
 * Which page a request comes from: $mesh_cors_origin is its origin if it is declared, $mesh_origin is
 * none, declared, preflight or foreign.
 *
 * Ollama refuses foreign pages itself, but never sees the origin; without this any page in any browser
 * that reaches the mesh could make it work, though not read the answer.
 */
export function corsMaps(balancer: BalancerPlan): Directive[] {
  const declared = origins(balancer);
  const byUser = declaredOrigins(balancer);
  const all = declared.includes("*");
  return [
    map(
      "$http_origin",
      "$mesh_cors_origin",
      all
        ? [entry("default", '"*"'), entry(literal(""), '""')]
        : [
            entry("default", '""'),
            ...declared
              .filter((origin) => !origin.includes("*"))
              .map((origin) => entry(quoted(origin), literal(origin))),
            ...declared
              .filter((origin) => origin.includes("*"))
              .map((origin) =>
                entry(
                  byUser.includes(origin) ? originPattern(origin) : ownPattern(origin),
                  "$http_origin",
                ),
              ),
          ],
    ),
    map('"$mesh_cors_origin $http_origin"', "$mesh_page", [
      entry("default", "foreign"),
      entry(pattern`^\S`, "declared"),
    ]),
    map("$http_origin", "$mesh_origin", [
      entry("default", "$mesh_page_asks"),
      entry(literal(""), "none"),
    ]),
    map('"$mesh_page $request_method $http_access_control_request_method"', "$mesh_page_asks", [
      entry("default", "$mesh_page"),
      entry(pattern`^declared OPTIONS \S`, "preflight"),
    ]),
    ...(declared.length > 0
      ? [
          map("$mesh_cors_origin", "$mesh_cors_exposed", [
            entry("default", literal(CORS.exposedHeaders)),
            entry(literal(""), '""'),
          ]),
          because(
            "a declared page may send what it likes: no header opens anything but the keys",
            map("$http_access_control_request_headers", "$mesh_cors_headers", [
              entry("default", literal(CORS.allowedHeaders)),
              entry(pattern`^[A-Za-z0-9, _-]{1,2000}\z`, "$http_access_control_request_headers"),
            ]),
          ),
        ]
      : []),
  ];
}

/** What answers to a declared page carry, errors too. */
export function corsHeaders(balancer: BalancerPlan): Directive[] {
  const declared = origins(balancer);
  if (declared.length === 0) return [];
  return [
    directive("add_header", "Access-Control-Allow-Origin", "$mesh_cors_origin", "always"),
    directive("add_header", "Access-Control-Expose-Headers", "$mesh_cors_exposed", "always"),
    ...(declared.includes("*") ? [] : [directive("add_header", "Vary", "Origin", "always")]),
  ];
}

/** The answer to a browser that asks whether a page may; nothing where none may. */
export function preflight(balancer: BalancerPlan, code: number): Directive[] {
  if (origins(balancer).length === 0) return [];
  const allow = (what: string, value: Argument) => directive("add_header", what, value, "always");
  return [
    directive("error_page", code, "=", "@mesh_preflight"),
    block(
      "location",
      ["@mesh_preflight"],
      [
        allow("Access-Control-Allow-Methods", literal(methods(balancer).join(", "))),
        allow("Access-Control-Allow-Headers", "$mesh_cors_headers"),
        allow("Access-Control-Max-Age", CORS.maxAgeSeconds),
        allow("Vary", "Access-Control-Request-Headers"),
        directive("return", 204),
      ],
    ),
  ];
}

/** Methods of any route; which route takes which is checked there. */
function methods({ routes }: BalancerPlan): string[] {
  const declared = routes.paths.flatMap((route) => route.methods);
  const all = routes.set === "all" ? ["DELETE", "PATCH", "PUT"] : [];
  const every = new Set(["GET", "HEAD", "POST", ...all, ...declared]);
  every.delete("OPTIONS");
  return [...every].sort();
}
