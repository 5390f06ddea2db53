import { MANAGEMENT } from "../config/defaults.ts";
import { hostPort } from "../config/net/host-port.ts";
import { isLoopback, PRIVATE_NETWORKS } from "../config/net/private-networks.ts";
import type { BalancerPlan } from "../plan/balancer-plan.ts";
import { ownNames } from "../plan/own-names.ts";
import type { NodePlan } from "../plan/node-plan.ts";
import { because, block, type Directive, directive, entry, map } from "./directive.ts";
import { jsonText, literal, pattern } from "./words.ts";
import { hostMap } from "./front/access.ts";
import { onlyJson } from "./front/error-pages.ts";
import { LOOPBACK_PORT, MANAGEMENT_PORT, OWN_SOCKET } from "./nginx-layout.ts";
import { VERDICT_PATH } from "../config/routes.ts";
import { wholeProgram } from "./njs-conf.ts";
import { isRouted } from "./nodes/routed-node.ts";
import { hasHop, isLookedUpAgain, isNameInGroup } from "./nodes/node-address.ts";
import { answerBuffers, ignoredHeaders, ollamaHost, redirectsOfOllamaHost } from "./nodes/proxy.ts";
import { hopSocket } from "./nodes/hop.ts";
import { readiness } from "./status/readiness.ts";
import { statusJson, statusPages } from "./status/status-conf.ts";
import { FRONT, MANAGEMENT_PROXY, ONE_SERVER } from "./tuning.ts";
import { REQUEST_ID } from "./variables.ts";

/** What only the mesh itself may ask: which config serves, and nginx's counters. */
export function loopback(balancer: BalancerPlan, hashMark: string): Directive {
  return block(
    "server",
    [],
    [
      because(
        "another nginx may listen beside this one while it is replaced",
        directive("listen", `127.0.0.1:${LOOPBACK_PORT}`, "reuseport"),
      ),
      directive("listen", `unix:${OWN_SOCKET}`),
      directive("access_log", "off"),
      ...ownPages(hashMark),
      ...(isRouted(balancer) ? [wholeProgram()] : []),
      ...statusJson(balancer),
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
  const checksName = isLoopback(balancer.management.address);
  const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    because(
      "nodes get the path as it was written: with an escaped slash in it, say, as the name of a model may have",
      map("$request_uri", NODE_PATH, [
        entry("default", '""'),
        entry(pattern`${{ pattern: IN_NODE }}(?<mesh_written>.*)\z`, "$mesh_written"),
      ]),
    ),
    ...sorted.flatMap((node) => namedGroup(balancer, node)),
    ...(checksName ? [hostMap("$mesh_management_host", ownNames(balancer))] : []),
    ...(checksName ? reached(balancer) : []),
    block(
      "server",
      [],
      [
        directive("listen", MANAGEMENT_PORT, "reuseport", `so_keepalive=${FRONT.tcpKeepalive}`),
        directive("server_name", "_"),
        because(
          "made for command lines: the page of a browser on this host must not pull or delete models",
          block(
            "if",
            ["($http_origin", "!=", '"")'],
            [directive("return", 403, text("no browsers here"))],
          ),
        ),
        ...(checksName ? [onlyOwnNames(), ...onlyByItsPort(balancer)] : []),
        ...onlyJson(),
        // "/nodes/a" leads to "/nodes/a/", at the port that the client came to.
        directive("absolute_redirect", "off"),
        ...nodeProxy(balancer),
        ...ownPages(hashMark),
        block("location", ["=", "/healthz"], [directive("return", 200, text("ok"))]),
        ...readiness(balancer, nodes),
        ...(isRouted(balancer) ? programPages() : []),
        ...statusPages(balancer),
        ...statusJson(balancer),
        ...sorted.map((node) => nodeLocation(balancer, node)),
        block("location", ["/"], [directive("return", 404, text(paths(balancer)))]),
      ],
    ),
  ];
}

/** A browser says of a page's reads no more than the name that it came by. */
const onlyOwnNames = (): Directive =>
  because(
    "a page of the internet could make its own name lead here (DNS rebinding), and read what a person may",
    block(
      "if",
      ["($mesh_management_host", "=", "strange)"],
      [directive("return", 403, text("not by this name; ask 127.0.0.1 or localhost"))],
    ),
  );

/**
 * $mesh_reached: whether a client came by the port that Docker publishes, or by another network that the balancer has joined,
 * where it has an address of its own. Docker before 28 may publish the port there: then the machine comes from its gateway.
 */
function reached({ networks = [], addresses, gateways = [] }: BalancerPlan): Directive[] {
  if (networks.length === 0) return [];
  return [
    block(
      "geo",
      ["$server_addr", "$mesh_reached_at"],
      [entry("default", "elsewhere"), entry(literal(addresses.subnet), "here")],
    ),
    map("$realip_remote_addr", "$mesh_reached", [
      entry("default", "$mesh_reached_at"),
      ...gateways.map((gateway) => entry(literal(gateway), "here")),
    ]),
  ];
}

/** At a loopback address the listener is this machine's alone. */
function onlyByItsPort({ networks = [] }: BalancerPlan): Directive[] {
  if (networks.length === 0) return [];
  return [
    because(
      "it knows no keys, and containers of networks that the balancer has joined reach it inside them",
      block(
        "if",
        ["($mesh_reached", "=", "elsewhere)"],
        [
          directive(
            "return",
            403,
            text("not from this network; ask on the machine of the balancer"),
          ),
        ],
      ),
    ),
  ];
}

const paths = (balancer: BalancerPlan) =>
  `serves /status, /nodes/<name>/..., /healthz, /ready, ${balancer.pools ? "/ready/<pool>, " : ""}${isRouted(balancer) ? "/metrics, /verdict/, " : ""}/stub_status and /config-hash`;

const text = (error: string) => jsonText(error === "ok" ? { status: error } : { error });

/** What the program in nginx knows. */
const programPages = (): Directive[] => [
  wholeProgram(),
  block("location", ["=", "/metrics"], [directive("js_content", "mesh.metrics")]),
  block("location", [VERDICT_PATH], [directive("js_content", "mesh.verdicts")]),
];

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
    ...answerBuffers(),
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
    [
      block(
        "if",
        ["($request_uri", "!~", `${IN_NODE})`],
        [directive("return", 404, text(paths(balancer)))],
      ),
      ...redirectsOfOllamaHost(path),
      directive("proxy_redirect", "/", path),
      directive("proxy_pass", `http://${target(balancer, node)}/${NODE_PATH}`),
    ],
  );
}

/** What follows the node's name and its slash, as the client wrote it. */
const NODE_PATH = "$mesh_own_path";

/** How a path below a node is written; a request may also have the whole URL. */
const IN_NODE = "^(https?://[^/?]*)?/nodes/[a-z0-9-]+/";

function target(balancer: BalancerPlan, node: NodePlan): string {
  // There from the node's admission on.
  if (hasHop(node)) return `${hopSocket(node)}:`;
  return isNameInGroup(node) ? groupName(node) : hostPort(node.address, node.port);
}

/**
 * A name behind a path that is a variable must be a group's. Looked up while nginx runs where there is a resolver, like the
 * node's line in the group: else a name that is not known would stop nginx.
 */
function namedGroup(balancer: BalancerPlan, node: NodePlan): Directive[] {
  if (!isNameInGroup(node)) return [];
  const name = literal(groupName(node));
  const server = literal(hostPort(node.address, node.port));
  return [
    block(
      "upstream",
      [name],
      [
        directive("zone", name, ONE_SERVER.zone),
        directive("server", server, ...(isLookedUpAgain(balancer, node) ? ["resolve"] : [])),
      ],
    ),
  ];
}

/** With an underscore: no host name has one. */
const groupName = ({ name }: NodePlan) => `node_${name}`;
