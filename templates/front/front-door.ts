import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, type Directive, directive } from "../directive.ts";
import { FRONT_PORT } from "../nginx-layout.ts";
import { FRONT } from "../tuning.ts";
import { sessionCookie } from "../nodes/routed-group.ts";
import { isRouted } from "../nodes/routed-node.ts";
import { REQUEST_ID } from "../variables.ts";
import { accessChecks } from "./access.ts";
import { corsHeaders } from "./cors.ts";
import { onlyJson } from "./error-pages.ts";
import { limits } from "./limits.ts";
import { tlsSettings } from "./tls.ts";

/** Where clients come in. */
export function listenFront(balancer: BalancerPlan): Directive[] {
  return [
    because(
      "a client that vanished without a word is found after two minutes instead of two hours",
      directive(
        "listen",
        FRONT_PORT,
        ...(balancer.tls ? ["ssl"] : []),
        "default_server",
        "reuseport",
        `so_keepalive=${FRONT.tcpKeepalive}`,
      ),
    ),
    directive("server_name", "_"),
    ...tlsSettings(balancer),
  ];
}

/** What clients may send, who may come in, and what every answer carries. */
export function frontDoor(balancer: BalancerPlan): Directive[] {
  return [
    directive("client_max_body_size", balancer.maxBodyMib === 0 ? 0 : `${balancer.maxBodyMib}m`),
    directive("client_body_buffer_size", FRONT.bodyBuffer),
    directive("client_header_timeout", FRONT.headerTimeout),
    directive("large_client_header_buffers", ...FRONT.headerBuffers),
    directive("client_body_timeout", FRONT.bodyTimeout),
    directive("send_timeout", FRONT.sendTimeout),
    directive("gzip", "off"),
    ...onlyJson(),
    because("to clients the port in here is not known", directive("absolute_redirect", "off")),
    ...answerHeaders(balancer),
    ...hiddenHeaders(),
    ...accessChecks(balancer),
    ...limits(balancer),
  ];
}

/** Headers of every answer, nginx's own errors included. */
function answerHeaders(balancer: BalancerPlan): Directive[] {
  const hsts = balancer.tls?.hstsSeconds ?? 0;
  return [
    because(
      "a location that adds a header of its own keeps these",
      directive("add_header_inherit", "merge"),
    ),
    directive("add_header", "X-Request-ID", REQUEST_ID, "always"),
    directive("add_header", "X-Content-Type-Options", "nosniff", "always"),
    ...(balancer.nodeHeader
      ? [directive("add_header", "X-Mesh-Node", "$mesh_node", "always")]
      : []),
    ...(isRouted(balancer) ? sessionCookie(balancer) : []),
    ...(hsts > 0
      ? [directive("add_header", "Strict-Transport-Security", `max-age=${hsts}`, "always")]
      : []),
    ...corsHeaders(balancer),
  ];
}

/** Headers that the balancer answers for; a node's own would stand beside them, or open it to any page. */
const HIDDEN = [
  "Access-Control-Allow-Credentials",
  "Access-Control-Allow-Headers",
  "Access-Control-Allow-Methods",
  "Access-Control-Allow-Origin",
  "Access-Control-Allow-Private-Network",
  "Access-Control-Expose-Headers",
  "Access-Control-Max-Age",
  "Strict-Transport-Security",
  "X-Content-Type-Options",
  "X-Mesh-Node",
  "X-Request-ID",
] as const;

const hiddenHeaders = () => HIDDEN.map((header) => directive("proxy_hide_header", header));
