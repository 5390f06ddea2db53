import { GUARD, OLLAMA_PORT } from "../config/defaults.ts";
import type { ContainerPlan } from "../plan/node-plan.ts";
import { because, block, type Directive, directive } from "./directive.ts";
import { BEHIND_NGINX, GUARD_NGINX, ONE_SERVER } from "./tuning.ts";
import { jsonText, literal } from "./words.ts";
import { GUARD_PORT, LOOPBACK_PORT } from "./nginx-layout.ts";
import { answerBuffers, ignoredHeaders } from "./nodes/proxy.ts";
import { passedUnchanged } from "./nodes/hop.ts";
import { events, printConfig, processSettings, serverProcess } from "./process.ts";

/** Its files, which lie beside its config. */
export const GUARD_FILES = {
  certificate: "server.pem",
  key: "server.key",
  /** The only certificate that it lets in. */
  client: "client.pem",
} as const;

/**
 * Renders the config of the nginx that stands beside a node with access: balancerOnly: it lets the balancer
 * through, by its certificate, and nobody else. What passes is left as it is, and time-outs are the balancer's.
 *
 * @throws RangeError for text that nginx cannot hold, which no config that parseMesh accepted has
 */
export function guardConf({ name, service }: Pick<ContainerPlan, "name" | "service">): string {
  const tree: Directive[] = [
    ...processSettings(GUARD),
    events(),
    block(
      "http",
      [],
      [
        ...serverProcess(),
        directive("access_log", "off"),
        because(
          "Docker's own; a container that was made anew may have another address",
          directive("resolver", "127.0.0.11", `valid=${GUARD_NGINX.resolverValid}`, "ipv6=off"),
        ),
        block(
          "upstream",
          ["node"],
          [
            directive("zone", "node", ONE_SERVER.zone),
            directive(
              "server",
              literal(`${name}:${service?.port ?? OLLAMA_PORT}`),
              "max_fails=0",
              "resolve",
            ),
            because(
              "on the same host a connection costs nothing, and a kept one may be closed under a request",
              directive("keepalive", 0),
            ),
          ],
        ),
        block("server", [], [...listenForBalancer(), ...passedUnchanged(), ...toNode()]),
        block(
          "server",
          [],
          [
            directive("listen", `127.0.0.1:${LOOPBACK_PORT}`),
            directive("default_type", "application/json"),
            block("location", ["/"], [directive("return", 200, jsonText({ status: "ok" }))]),
          ],
        ),
      ],
    ),
  ];
  return printConfig(tree);
}

function listenForBalancer(): Directive[] {
  return [
    because(
      "a balancer that vanished without a word must not keep the node at work",
      directive("listen", GUARD_PORT, "ssl", `so_keepalive=${GUARD_NGINX.tcpKeepalive}`),
    ),
    directive("ssl_protocols", "TLSv1.3"),
    directive("ssl_certificate", GUARD_FILES.certificate),
    directive("ssl_certificate_key", GUARD_FILES.key),
    because(
      "no authority: this one certificate, whose key only the balancer has",
      directive("ssl_client_certificate", GUARD_FILES.client),
    ),
    directive("ssl_verify_client", "on"),
    directive("ssl_verify_depth", GUARD_NGINX.verifyDepth),
    directive("ssl_session_tickets", "off"),
  ];
}

function toNode(): Directive[] {
  return [
    directive("proxy_http_version", "1.1"),
    directive("proxy_set_header", "Host", "$http_host"),
    directive("proxy_set_header", "Connection", "$http_connection"),
    directive("proxy_set_header", "Upgrade", "$http_upgrade"),
    directive("proxy_buffering", "off"),
    ...answerBuffers(BEHIND_NGINX.answerHeaders),
    directive("proxy_request_buffering", "off"),
    directive("proxy_connect_timeout", `${GUARD.connectTimeoutSeconds}s`),
    directive("proxy_read_timeout", BEHIND_NGINX.timeout),
    directive("proxy_send_timeout", BEHIND_NGINX.timeout),
    directive("proxy_next_upstream", "off"),
    ignoredHeaders(),
    because(
      "what it cannot do counts as a connection that the node dropped, not as the node's answer",
      directive("error_page", 500, 502, 503, 504, "=", "@gone"),
    ),
    block("location", ["@gone"], [directive("return", 444)]),
    block("location", ["/"], [directive("proxy_pass", "http://node")]),
  ];
}
