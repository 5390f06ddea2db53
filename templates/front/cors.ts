import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { CORS } from "../../config/defaults.ts";
import { because, block, directive, literal, type Directive } from "../directive.ts";

const origins = ({ access }: BalancerPlan) => [...new Set(access.corsOrigins)].sort();

/**
 * Which page a request comes from: $mesh_cors_origin is its origin if it is declared, $mesh_origin is
 * none, declared, preflight or foreign.
 *
 * Ollama refuses foreign pages itself, but never sees the origin; without this any page in any browser
 * that reaches the mesh could make it work, though not read the answer.
 */
export function corsMaps(balancer: BalancerPlan): Directive[] {
  const declared = origins(balancer);
  const all = declared.includes("*");
  return [
    block(
      "map",
      ["$http_origin", "$mesh_cors_origin"],
      all
        ? [directive("default", '"*"'), directive('""', '""')]
        : [
            directive("default", '""'),
            ...declared.map((origin) => ({ name: `"${origin}"`, args: [literal(origin)] })),
          ],
    ),
    block(
      "map",
      ['"$mesh_cors_origin $http_origin"', "$mesh_page"],
      [directive("default", "foreign"), directive(String.raw`"~^\S"`, "declared")],
    ),
    block(
      "map",
      ["$http_origin", "$mesh_origin"],
      [directive("default", "$mesh_page_asks"), directive('""', "none")],
    ),
    block(
      "map",
      ['"$mesh_page $request_method $http_access_control_request_method"', "$mesh_page_asks"],
      [
        directive("default", "$mesh_page"),
        directive(String.raw`"~^declared OPTIONS \S"`, "preflight"),
      ],
    ),
    ...(declared.length > 0
      ? [
          block(
            "map",
            ["$mesh_cors_origin", "$mesh_cors_exposed"],
            [directive("default", literal(CORS.exposedHeaders)), directive('""', '""')],
          ),
          because(
            "a declared page may send what it likes: no header opens anything but the keys",
            block(
              "map",
              ["$http_access_control_request_headers", "$mesh_cors_headers"],
              [
                directive("default", literal(CORS.allowedHeaders)),
                directive(
                  String.raw`"~^[A-Za-z0-9, _-]{1,2000}\z"`,
                  "$http_access_control_request_headers",
                ),
              ],
            ),
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
  const allow = (what: string, value: ReturnType<typeof literal> | string | number) =>
    directive("add_header", what, value, "always");
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
