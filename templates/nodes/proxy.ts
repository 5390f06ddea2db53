import { OLLAMA_PORT } from "../../config/defaults.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, type Directive, directive, entry, map } from "../directive.ts";
import { ownPrefix, redirectsBelowBase } from "./base-path.ts";
import { type Argument, literal, pattern } from "../words.ts";
import { throughMesh } from "./loops.ts";
import { hasApiKeys } from "../front/api-keys.ts";
import { ANSWER_HEADERS } from "../tuning.ts";
import { CLIENT, REQUEST_ID } from "../variables.ts";

/** What the http block needs so that upgrades pass. */
export function upgradeMap({ routes }: BalancerPlan): Directive[] {
  if (!routes.upgrade) return [];
  return [
    because(
      "h2c and all others are served as plain requests: past one of them no route, key or log would count",
      map("$http_upgrade", "$mesh_upgrade", [
        entry("default", '""'),
        entry(pattern`^(?i:websocket)\z`, "websocket"),
      ]),
    ),
    because(
      "a request without an upgrade must not say that it has one, or its connection cannot be kept",
      map("$mesh_upgrade", "$mesh_connection", [
        entry("default", "upgrade"),
        entry(literal(""), '""'),
      ]),
    ),
  ];
}

/** How requests go to the nodes; set once for the server, because a location that sets one header loses all others. */
export function proxySettings(balancer: BalancerPlan): Directive[] {
  return [
    directive("proxy_http_version", "1.1"),
    ...requestHeaders(balancer),
    because("tokens go out as they come in", directive("proxy_buffering", "off")),
    ...answerBuffers(),
    ...(balancer.routes.set === "ollama" ? redirectsOfOllamaHost(`${ownPrefix(balancer)}/`) : []),
    ...redirectsBelowBase(balancer),
    because(
      "the whole request is at hand when another node must be tried",
      directive("proxy_request_buffering", "on"),
    ),
    directive("proxy_socket_keepalive", "on"),
    directive("proxy_connect_timeout", `${balancer.connectTimeoutSeconds}s`),
    because(
      "Ollama is silent while it loads a model, and a time-out aborts the load",
      directive("proxy_read_timeout", `${balancer.readTimeoutSeconds}s`),
    ),
    directive("proxy_send_timeout", `${balancer.sendTimeoutSeconds}s`),
    because(
      "tried elsewhere only before the first byte of the answer; the budget ends no try that runs",
      directive("proxy_next_upstream", ...balancer.retry.on),
    ),
    directive("proxy_next_upstream_tries", balancer.retry.tries),
    directive("proxy_next_upstream_timeout", `${balancer.retry.timeoutSeconds}s`),
    ignoredHeaders(),
  ];
}

/** Room for the headers of an answer: gateways and single sign-on send tens of kilobytes of them. */
export const answerBuffers = ({ size, buffers } = ANSWER_HEADERS): Directive[] => [
  directive("proxy_buffer_size", size),
  // Not used, but nginx wants them to be no smaller.
  directive("proxy_buffers", buffers, size),
];

/** The host that Ollama takes for its own. */
export const ollamaHost = (): Directive =>
  directive("proxy_set_header", "Host", `localhost:${OLLAMA_PORT}`);

/** Where nodes send a client by that host, below a path here. */
export const redirectsOfOllamaHost = (path: Argument): Directive[] => [
  because(
    "of the host that nodes are told, which to a client is its own machine",
    directive("proxy_redirect", `http://localhost:${OLLAMA_PORT}/`, path),
  ),
  // Of a node that has heard by X-Forwarded-Proto how the client came.
  directive("proxy_redirect", `https://localhost:${OLLAMA_PORT}/`, path),
];

/** X-Accel-* of a node would steer this nginx: redirect inside it, buffer, slow down. */
export const ignoredHeaders = (): Directive =>
  directive(
    "proxy_ignore_headers",
    "X-Accel-Redirect",
    "X-Accel-Expires",
    "X-Accel-Limit-Rate",
    "X-Accel-Buffering",
    "X-Accel-Charset",
  );

function requestHeaders({ routes, access }: BalancerPlan): Directive[] {
  const set = (name: string, value: string) => directive("proxy_set_header", name, value);
  const ollama = routes.set === "ollama";
  const keyed = hasApiKeys({ access });
  return [
    ...(routes.upgrade
      ? [set("Connection", "$mesh_connection"), set("Upgrade", "$mesh_upgrade")]
      : [set("Connection", '""')]),
    ...(ollama
      ? [because("Ollama refuses foreign hosts and origins", ollamaHost()), set("Origin", '""')]
      : [
          because(
            "the host that nginx has checked, and the port that the client named with it",
            set("Host", '"$host$is_request_port$request_port"'),
          ),
          set("Origin", '""'),
        ]),
    // Other servers may have keys of their own, which only their clients know.
    ...(ollama || keyed
      ? [
          because("keys of clients are not the nodes' business", set("Authorization", '""')),
          set("X-API-Key", '""'),
        ]
      : []),
    set("X-Real-IP", CLIENT),
    because("not what the client says of itself", set("X-Forwarded-For", CLIENT)),
    set("Forwarded", '""'),
    set("X-Forwarded-Proto", "$scheme"),
    set("X-Request-ID", REQUEST_ID),
    throughMesh(),
  ];
}
