import type { BalancerPlan } from "../components/plan.ts";
import { because, directive, type Directive } from "./directive.ts";

/** How requests go to the nodes; set once for the server, because a location that sets one header loses all others. */
export function proxySettings(balancer: BalancerPlan): Directive[] {
  return [
    directive("proxy_http_version", "1.1"),
    directive("proxy_set_header", "Connection", '""'),
    because(
      "Ollama refuses foreign hosts and origins; keys of clients are not the nodes' business",
      directive("proxy_set_header", "Host", "localhost:11434"),
    ),
    directive("proxy_set_header", "Origin", '""'),
    directive("proxy_set_header", "Authorization", '""'),
    directive("proxy_set_header", "X-Real-IP", "$remote_addr"),
    directive("proxy_set_header", "X-Forwarded-For", "$proxy_add_x_forwarded_for"),
    directive("proxy_set_header", "X-Forwarded-Proto", "$scheme"),
    directive("proxy_set_header", "X-Request-ID", "$request_id"),
    because("tokens go out as they come in", directive("proxy_buffering", "off")),
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
      "503 is not a failure but a busy node: counted as one, two busy nodes empty the pool",
      directive("proxy_next_upstream", "error", "timeout", "http_404", "non_idempotent"),
    ),
    directive("proxy_next_upstream_tries", balancer.tries),
    directive("proxy_next_upstream_timeout", `${balancer.tryTimeoutSeconds}s`),
    directive(
      "proxy_ignore_headers",
      "X-Accel-Redirect",
      "X-Accel-Expires",
      "X-Accel-Limit-Rate",
      "X-Accel-Buffering",
      "X-Accel-Charset",
    ),
  ];
}
