import { ERROR_PATH } from "../../config/routes.ts";
import { posix } from "node:path";
import { certificateNames } from "../../config/net/certificate-names.ts";
import { TLS } from "../../config/defaults.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { jsonText, literal, type Pattern, pattern } from "../words.ts";
import { REDIRECT_PORT, TLS_FOLDER } from "../nginx-layout.ts";
import { verdictLocations } from "./verdict-locations.ts";
import { FRONT } from "../tuning.ts";
import { zoneName } from "../zone-name.ts";
import { NETWORK_REFUSED, limitsNetworks } from "./network-access.ts";

/** File with the certificate chain, where it is declared as text. */
export const CERTIFICATE_FILE = "certificate.pem";

/** File with its private key. */
export const KEY_FILE = "key.pem";

/** HTTPS of the front; nothing where none is declared. */
export function tlsSettings({ tls }: BalancerPlan): Directive[] {
  if (!tls) return [];
  const mounted = (path: string) => literal(posix.join(TLS_FOLDER, posix.basename(path)));
  return [
    directive("http2", "on"),
    directive(
      "ssl_certificate",
      tls.certificateFile === undefined ? CERTIFICATE_FILE : mounted(tls.certificateFile),
    ),
    directive("ssl_certificate_key", tls.keyFile === undefined ? KEY_FILE : mounted(tls.keyFile)),
    directive("ssl_protocols", "TLSv1.2", "TLSv1.3"),
    because(
      "forward secrecy and authenticated encryption only; clients know best which is fast for them",
      directive("ssl_ciphers", TLS.ciphers),
    ),
    directive("ssl_prefer_server_ciphers", "off"),
    directive(
      "ssl_session_cache",
      `shared:${zoneName("tls", TLS.sessionCache)}:${TLS.sessionCache}`,
    ),
    directive("ssl_session_timeout", TLS.sessionTimeout),
    because(
      "the key of a ticket lives as long as the process, and with it whatever was recorded",
      directive("ssl_session_tickets", "off"),
    ),
  ];
}

/** The listener that sends plain HTTP to HTTPS; nothing where none is declared. */
export function redirectServer(balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive[] {
  const { tls, listen, access } = balancer;
  if (tls?.redirectPort === undefined) return [];
  const port = listen.port === 443 ? "" : `:${listen.port}`;
  const refusal = (error: string) => jsonText({ error });
  return [
    map("$host", "$mesh_redirect_host", [
      entry("default", '""'),
      ...redirectHosts(tls.certificate).map((host) => entry(host, "$host")),
    ]),
    because(
      "a whole URL in a request need not have a path, and what it has instead would go on with the host",
      map("$request_uri", "$mesh_redirect_path", [
        entry("default", "/"),
        entry({ ...pattern`^/`, quotes: false }, "$request_uri"),
      ]),
    ),
    block(
      "server",
      [],
      [
        directive("listen", REDIRECT_PORT, "default_server", "reuseport"),
        directive("server_name", "_"),
        directive("client_header_timeout", FRONT.headerTimeout),
        block("types", [], []),
        directive("default_type", "application/json"),
        directive("add_header", "X-Content-Type-Options", "nosniff", "always"),
        directive("error_page", 400, 405, 408, 414, 494, 501, 505, "=400", `${ERROR_PATH}/400`),
        block(
          "location",
          ["=", `${ERROR_PATH}/400`],
          [directive("internal"), directive("return", 400, refusal("bad request"))],
        ),
        ...verdictLocations(balancer, nodes),
        block(
          "location",
          ["/"],
          [
            ...(limitsNetworks({ access })
              ? [
                  block(
                    "if",
                    ["($mesh_network", "=", "refused)"],
                    [directive("return", 403, refusal(NETWORK_REFUSED))],
                  ),
                ]
              : []),
            block(
              "if",
              ["($mesh_redirect_host", "=", '"")'],
              [directive("return", 421, refusal("this host is not served here"))],
            ),
            because(
              "308 and not 301: a POST stays a POST",
              directive("return", 308, `https://$mesh_redirect_host${port}$mesh_redirect_path`),
            ),
          ],
        ),
      ],
    ),
  ];
}

/** What a host name or address in a Host header may look like at all. */
const ANY_HOST = pattern`^([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])\z`;

/**
 * Map patterns of the hosts that may be redirected to: those that the certificate is for, since with any
 * other the redirect leads nowhere a client would trust. A certificate that only the balancer's host knows
 * can't be read here: then the host that the client named, if it can be one.
 */
function redirectHosts(certificate: string | undefined): Pattern[] {
  const names = certificateNames(certificate);
  return names.length === 0 ? [ANY_HOST] : names.map(namePattern);
}

/** One label of a name, which is what a wildcard stands for. */
export const ANY_LABEL = pattern`[a-z0-9_-]+`;

/** A name as a Host header has it; "*." at its begin stands for one label. */
export const namePattern = (name: string): Pattern =>
  name.startsWith("*") ? pattern`^${ANY_LABEL}${name.slice(1)}\z` : pattern`^${name}\z`;
