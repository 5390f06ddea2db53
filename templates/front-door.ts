import type { BalancerPlan } from "../components/plan.ts";
import { directive, type Directive } from "./directive.ts";

/** Port of the front inside the container; the declared one is published to it. */
export const FRONT_PORT = 8080;

/** Where clients come in. */
export function listenFront(): Directive[] {
  return [
    // A client that vanished without a word is found after two minutes instead of two hours.
    directive("listen", FRONT_PORT, "default_server", "so_keepalive=60s:15s:4"),
    directive("server_name", "_"),
  ];
}

/** What clients may send, and what every answer carries. */
export function frontDoor(balancer: BalancerPlan): Directive[] {
  return [
    directive("client_max_body_size", `${balancer.maxBodyMiB}m`),
    directive("client_body_buffer_size", "1m"),
    directive("client_header_timeout", "15s"),
    directive("client_body_timeout", "60s"),
    directive("send_timeout", "60s"),
    directive("gzip", "off"),
    directive("add_header", "X-Mesh-Node", "$mesh_node", "always"),
    directive("add_header", "X-Request-ID", "$request_id", "always"),
  ];
}
