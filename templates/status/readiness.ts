import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { block, type Directive, directive } from "../directive.ts";
import { groups } from "../nodes/pools.ts";
import { ollamaHost } from "../nodes/proxy.ts";
import { UPSTREAM } from "../variables.ts";
import { jsonText, literal } from "../words.ts";

/**
 * /ready: whether some node answers, asked of the group as a client would; of a pool /ready/NAME. Plain nginx cannot tell which nodes it
 * holds for failed. Any answer but 5xx counts: other model servers need not have the page. There is no time-out
 * of its own: the caller's ends the wait without counting as the node's failure.
 */
export function readiness(balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive[] {
  const { routes, retry } = balancer;
  const page = routes.set === "ollama" ? "/api/version" : "/";
  const all = groups(balancer, nodes);
  // Where all nodes are in pools, the first of them stands for the mesh.
  const first = all.find((each) => each.nodes.length > 0)?.group ?? UPSTREAM;
  const asked = all.map(({ pool, group }) =>
    pool === undefined ? { path: "/ready", group: first } : { path: `/ready/${pool}`, group },
  );
  const one = (path: string, group: string) =>
    block(
      "location",
      ["=", path],
      [
        directive("proxy_method", "GET"),
        directive("proxy_pass_request_body", "off"),
        directive("proxy_set_header", "Content-Length", '""'),
        directive("proxy_set_header", "Connection", '""'),
        ollamaHost(),
        directive("proxy_next_upstream", "error", "timeout", "http_500", "http_502", "http_503"),
        directive("proxy_next_upstream_tries", retry.tries),
        directive("proxy_next_upstream_timeout", `${retry.timeoutSeconds}s`),
        directive("proxy_intercept_errors", "on"),
        directive(
          "error_page",
          301,
          302,
          307,
          308,
          400,
          401,
          403,
          404,
          405,
          406,
          429,
          "=",
          "@ready",
        ),
        directive("error_page", 500, 502, 503, 504, "=", "@not_ready"),
        directive("proxy_pass", literal(`http://${group}${page}`)),
      ],
    );
  return [
    ...asked.map(({ path, group }) => one(path, group)),
    block("location", ["@ready"], [directive("return", 200, jsonText({ status: "ok" }))]),
    block(
      "location",
      ["@not_ready"],
      [directive("return", 503, jsonText({ error: "no node answers" }))],
    ),
  ];
}
