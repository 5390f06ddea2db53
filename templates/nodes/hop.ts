import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { HTTPS_PORT, NODE_TLS } from "../../config/defaults.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { because, block, type Directive, directive, print } from "../directive.ts";
import { BEHIND_NGINX, ONE_SERVER, HOP } from "../tuning.ts";
import { literal, quoted } from "../words.ts";
import { hasHop, isLookedUpAgain } from "./node-address.ts";
import { answerBuffers, ignoredHeaders } from "./proxy.ts";

// nginx speaks either HTTP or HTTPS with all servers of a group, verifies all by one name, and sends the same headers to
// all, whichever a request is tried on. So a node with HTTPS, or with a key of its own, gets a server of its own inside
// the same nginx, which the group reaches by plain HTTP over a socket file. Balancing, retries and time-outs stay those
// of the group: what the hop cannot do it answers with a closed connection, which counts as a dropped one of the node
// itself.

/** What a node with HTTPS or a key brings into the config when it is admitted. */
export interface Hop {
  /** For the http block. */
  conf: string;
  /** For the folder of the config, by name. */
  files: Record<string, string>;
}

/** Where the group finds a node with HTTPS or a key. In memory, like all of /tmp; a node's name has no other characters than a path. */
export const hopSocket = ({ name }: Pick<NodePlan, "name">) => `unix:/tmp/node-${name}.sock`;

/**
 * Server and group of a node with HTTPS or a key, as text for the http block; it names no variable of the config around it,
 * which may be another version's. Undefined for a node with neither.
 *
 * @throws RangeError for text that nginx cannot hold, which no config that parseMesh accepted has
 */
export function nodeHop(balancer: BalancerPlan, node: NodePlan): Hop | undefined {
  if (!hasHop(node)) return undefined;
  const { tls, apiKey } = node;
  const authority = tls?.caCertificate === undefined ? undefined : `ca-${node.name}.pem`;
  const tree = [
    group(balancer, node),
    block(
      "server",
      [],
      [
        directive("listen", literal(hopSocket(node))),
        directive("access_log", "off"),
        ...passedUnchanged(),
        ...toNode(balancer, node),
        ...ownKey(node),
        ...(tls ? verification(tls.serverName, authority) : []),
        ...identification(node),
        directive("error_page", 500, 502, 503, 504, "=", "@gone"),
        block("location", ["@gone"], [directive("return", 444)]),
        block(
          "location",
          ["/"],
          [directive("proxy_pass", literal(`${tls ? "https" : "http"}://${groupOf(node)}`))],
        ),
      ],
    ),
  ];
  return {
    conf: print(tree, 1),
    files: {
      ...(authority === undefined ? {} : { [authority]: pem(tls!.caCertificate!) }),
      ...(apiKey === undefined ? {} : { [keyFile(node)]: keyHeader(apiKey) }),
      ...(tls?.client
        ? {
            [clientFile(node, "pem")]: pem(tls.client.certificate),
            [clientFile(node, "key")]: pem(tls.client.key),
          }
        : {}),
    },
  };
}

const pem = (text: string) => `${text.trim()}\n`;

const clientFile = ({ name }: NodePlan, kind: "pem" | "key") => `client-${name}.${kind}`;

const keyFile = ({ name }: NodePlan) => `key-${name}.conf`;

/** In a file of its own, since the config itself is shown. */
const keyHeader = (key: string) =>
  print([directive("proxy_set_header", "Authorization", quoted(`Bearer ${key}`))]);

/** Whatever the client brought: the node is told the mesh's own key and no other. */
function ownKey(node: NodePlan): Directive[] {
  if (!node.keyed) return [];
  return [
    because(
      "the node's key, which no other node gets",
      directive("include", literal(keyFile(node))),
    ),
    directive("proxy_set_header", "X-API-Key", '""'),
  ];
}

/** With an underscore: no host name has one. */
const groupOf = ({ name, tls }: NodePlan) => `${tls ? "tls" : "key"}_${name}`;

/** A group for its kept connections, so that not every request pays for a handshake. */
function group(balancer: BalancerPlan, node: NodePlan): Directive {
  const { connections, requests, timeoutSeconds } = balancer.keepalive;
  return block(
    "upstream",
    [literal(groupOf(node))],
    [
      directive("zone", literal(groupOf(node)), ONE_SERVER.zone),
      directive(
        "server",
        literal(hostPort(node.address, node.port)),
        "max_fails=0",
        ...(isLookedUpAgain(balancer, node) ? ["resolve"] : []),
      ),
      directive("keepalive", connections),
      directive("keepalive_requests", requests),
      directive("keepalive_timeout", `${timeoutSeconds}s`),
    ],
  );
}

/** Takes what comes from another nginx of the mesh as it is, for as long as that one goes on. */
export const passedUnchanged = (): Directive[] => [
  directive("client_max_body_size", 0),
  directive("client_body_timeout", BEHIND_NGINX.timeout),
  directive("send_timeout", BEHIND_NGINX.timeout),
  directive("keepalive_timeout", BEHIND_NGINX.timeout),
  directive("keepalive_requests", BEHIND_NGINX.keepaliveRequests),
  because(
    "the group has added headers to what the front let in",
    directive("large_client_header_buffers", ...BEHIND_NGINX.headerBuffers),
  ),
];

/** What answers in front of a model server chooses it by this name; behind a guard, and by plain HTTP, as the group says. */
function host({ tls, port, container }: NodePlan): Directive[] {
  if (!tls || container?.guard) return [directive("proxy_set_header", "Host", "$http_host")];
  const name = port === HTTPS_PORT ? tls.serverName : hostPort(tls.serverName, port);
  return [
    because(
      "what answers HTTPS in front of a model server chooses it by this name",
      directive("proxy_set_header", "Host", literal(name)),
    ),
    because(
      "and where it sends a client by this name is here again",
      directive("absolute_redirect", "off"),
    ),
    ...["https", "http"].map((scheme) =>
      directive("proxy_redirect", literal(`${scheme}://${name}/`), "/"),
    ),
  ];
}

function toNode(balancer: BalancerPlan, node: NodePlan): Directive[] {
  return [
    directive("proxy_http_version", "1.1"),
    ...host(node),
    directive("proxy_set_header", "Connection", "$http_connection"),
    directive("proxy_set_header", "Upgrade", "$http_upgrade"),
    directive("proxy_buffering", "off"),
    ...answerBuffers(BEHIND_NGINX.answerHeaders),
    directive("proxy_request_buffering", "off"),
    directive("proxy_socket_keepalive", "on"),
    directive("proxy_connect_timeout", `${balancer.connectTimeoutSeconds}s`),
    directive("proxy_read_timeout", BEHIND_NGINX.timeout),
    directive("proxy_send_timeout", BEHIND_NGINX.timeout),
    because(
      "of a name with several addresses the next one, while nothing has been sent",
      directive("proxy_next_upstream", "error", "timeout"),
    ),
    directive("proxy_next_upstream_tries", HOP.tries),
    ignoredHeaders(),
  ];
}

/** What the node's guard knows the balancer by. */
function identification(node: NodePlan): Directive[] {
  if (!node.tls?.client) return [];
  return [
    directive("proxy_ssl_certificate", literal(clientFile(node, "pem"))),
    directive("proxy_ssl_certificate_key", literal(clientFile(node, "key"))),
  ];
}

function verification(serverName: string, authority: string | undefined): Directive[] {
  return [
    directive("proxy_ssl_verify", "on"),
    directive("proxy_ssl_verify_depth", NODE_TLS.verifyDepth),
    directive("proxy_ssl_trusted_certificate", literal(authority ?? NODE_TLS.publicAuthorities)),
    directive("proxy_ssl_name", literal(serverName)),
    directive("proxy_ssl_server_name", "on"),
    directive("proxy_ssl_protocols", "TLSv1.2", "TLSv1.3"),
  ];
}
