import { MANAGEMENT } from "../config/defaults.ts";
import { hostPort } from "../config/net/host-port.ts";
import { PRIVATE_NETWORKS } from "../config/net/private-networks.ts";
import type { BalancerPlan } from "../plan/balancer-plan.ts";
import type { NodePlan } from "../plan/node-plan.ts";
import { because, block, type Directive, directive } from "./directive.ts";
import { jsonText, literal } from "./words.ts";
import { LOOPBACK_PORT, MANAGEMENT_PORT } from "./nginx-layout.ts";
import { isLookedUpAgain } from "./nodes/node-address.ts";
import { ignoredHeaders, ollamaHost } from "./nodes/proxy.ts";
import { tlsProxySocket } from "./nodes/tls-proxy.ts";
import { FRONT, MANAGEMENT_PROXY, ONE_SERVER } from "./tuning.ts";
import { REQUEST_ID, UPSTREAM } from "./variables.ts";

/** What only the mesh itself may ask: which config serves, and nginx's counters. */
export function loopback(hashMark: string): Directive {
  return block(
    "server",
    [],
    [
      directive("listen", `127.0.0.1:${LOOPBACK_PORT}`),
      directive("access_log", "off"),
      ...ownPages(hashMark),
      block("location", ["/"], [directive("return", 404)]),
    ],
  );
}

/** The listener for the person who runs the mesh: every node under a path of its own, and what nginx tells of itself. */
export function management(
  balancer: BalancerPlan,
  nodes: readonly NodePlan[],
  hashMark: string,
): Directive[] {
  if (!balancer.management) return [];
  const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    ...sorted.flatMap((node) => namedGroup(balancer, node)),
    block(
      "server",
      [],
      [
        directive("listen", MANAGEMENT_PORT, `so_keepalive=${FRONT.tcpKeepalive}`),
        directive("server_name", "_"),
        because(
          "made for command lines: the page of a browser on this host must not pull or delete models",
          block(
            "if",
            ["($http_origin", "!=", '"")'],
            [directive("return", 403, text("no browsers here"))],
          ),
        ),
        directive("default_type", "application/json"),
        // "/nodes/a" leads to "/nodes/a/", at the port that the client came to.
        directive("absolute_redirect", "off"),
        ...nodeProxy(balancer),
        ...ownPages(hashMark),
        block("location", ["=", "/healthz"], [directive("return", 200, text("ok"))]),
        ...readiness(balancer),
        ...sorted.map((node) => nodeLocation(balancer, node)),
        block("location", ["/"], [directive("return", 404, text(PATHS))]),
      ],
    ),
  ];
}

const PATHS = "serves /nodes/<name>/..., /healthz, /ready, /stub_status and /config-hash";

const text = (error: string) => jsonText(error === "ok" ? { status: error } : { error });

const ownPages = (hashMark: string): Directive[] => [
  block(
    "location",
    ["=", "/config-hash"],
    [directive("default_type", "text/plain"), directive("return", 200, hashMark)],
  ),
  block(
    "location",
    ["=", "/stub_status"],
    [
      // Counters are nobody else's business, wherever the listener was put.
      ...PRIVATE_NETWORKS.map((network) => directive("allow", network)),
      directive("deny", "all"),
      directive("stub_status"),
    ],
  ),
];

/** As it comes, without limit: models of a hundred GB up and down, hours of silence while one is made. */
function nodeProxy(balancer: BalancerPlan): Directive[] {
  return [
    directive("client_max_body_size", 0),
    directive("client_body_timeout", MANAGEMENT_PROXY.transferTimeout),
    directive("proxy_http_version", "1.1"),
    directive("proxy_set_header", "Connection", '""'),
    ollamaHost(),
    directive("proxy_set_header", "X-Request-ID", REQUEST_ID),
    directive("proxy_request_buffering", "off"),
    directive("proxy_buffering", "off"),
    directive("proxy_socket_keepalive", "on"),
    directive("proxy_connect_timeout", `${balancer.connectTimeoutSeconds}s`),
    directive("proxy_read_timeout", `${MANAGEMENT.readTimeoutSeconds}s`),
    directive("proxy_send_timeout", MANAGEMENT_PROXY.transferTimeout),
    ignoredHeaders(),
  ];
}

function nodeLocation(balancer: BalancerPlan, node: NodePlan): Directive {
  const path = literal(`/nodes/${node.name}/`);
  return block(
    "location",
    [path],
    [directive("proxy_pass", literal(`http://${target(balancer, node)}/`))],
  );
}

function target(balancer: BalancerPlan, node: NodePlan): string {
  // There from the node's admission on.
  if (node.tls) return `${tlsProxySocket(node)}:`;
  return byName(balancer, node) ? groupName(node) : hostPort(node.address, node.port);
}

/** Looked up while nginx runs, like the node's line in the group: else a name that is not known would stop nginx. */
function namedGroup(balancer: BalancerPlan, node: NodePlan): Directive[] {
  if (!byName(balancer, node)) return [];
  const name = literal(groupName(node));
  const server = literal(hostPort(node.address, node.port));
  return [
    block(
      "upstream",
      [name],
      [directive("zone", name, ONE_SERVER.zone), directive("server", server, "resolve")],
    ),
  ];
}

/** Whether it has a group of its own, for its name to be looked up in. */
const byName = (balancer: BalancerPlan, node: NodePlan) =>
  isLookedUpAgain(balancer, node) && !node.tls;

/** With an underscore: no host name has one. */
const groupName = ({ name }: NodePlan) => `node_${name}`;

/**
 * /ready: whether some node answers, asked of the group as a client would. Plain nginx cannot tell which nodes it
 * holds for failed. Any answer but 5xx counts: other model servers need not have the page. There is no time-out
 * of its own: the caller's ends the wait without counting as the node's failure.
 */
function readiness({ routes, retry }: BalancerPlan): Directive[] {
  const page = routes.set === "ollama" ? "/api/version" : "/";
  return [
    block(
      "location",
      ["=", "/ready"],
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
        directive("proxy_pass", `http://${UPSTREAM}${page}`),
      ],
    ),
    block("location", ["@ready"], [directive("return", 200, text("ok"))]),
    block("location", ["@not_ready"], [directive("return", 503, text("no node answers"))]),
  ];
}
