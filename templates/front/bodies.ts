import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { toGroup } from "../nodes/pools.ts";
import { isRouted } from "../nodes/routed-node.ts";
import { BODIES } from "../tuning.ts";
import { literal, pattern } from "../words.ts";
import { zoneName } from "../zone-name.ts";
import { REFUSED } from "./refusals.ts";
import { watched } from "./whole-mesh.ts";

// A body is held until its answer has ended, so that another node can be tried; and all that nginx holds lies in the
// memory of its container. So only as many are held as have room there, by the length that they declare; and of those
// that do not, most of which are short, as long as there is room. What is beyond is passed on as it comes in: it is
// served like any other, but its model may be read too late, and it is not tried elsewhere once a node has begun to read it.

/** Set by each route that has one: the path that nodes get. */
const NODE_PATH = "$mesh_node_path";

/** A body's length: 5, 6 or 7 digits, "untold", else "large"; empty for none and small ones. */
const LENGTH = "$mesh_body";

const STREAMED = "@mesh_streamed";

/** The same below a declared folder: nodes get the path as the client wrote it. */
const STREAMED_BELOW = "@mesh_streamed_below";

const largest = ({ maxBodyMib }: BalancerPlan) => maxBodyMib || Infinity;

/** How many may be held at the same time, by length. */
const places = (balancer: BalancerPlan) => ({
  5: BODIES.places5,
  6: BODIES.places6,
  7: BODIES.places7,
  untold: largest(balancer) > BODIES.largeMiB ? 0 : BODIES.placesUntold,
  large: Math.floor(BODIES.largeMiB / largest(balancer)),
});

const zone = (length: string) => zoneName(`bodies_${length}`, BODIES.zoneSize);

/** What the http block needs. */
export function bodyMaps(balancer: BalancerPlan): Directive[] {
  return [
    because(
      "length, transfer encoding and protocol: HTTP/2 may leave out both that tell of a body",
      map('"$content_length:$http_transfer_encoding:$server_protocol"', LENGTH, [
        entry("default", "large"),
        entry(pattern`^:(:HTTP/[01]|:\z)`, '""'),
        entry(pattern`^:`, "untold"),
        entry(pattern`^\d{1,4}:`, '""'),
        ...[5, 6, 7].map((digits) => entry(pattern`^\d{${digits}}:`, digits)),
      ]),
    ),
    ...Object.entries(places(balancer))
      .filter(([, count]) => count > 0)
      .flatMap(([length]) => [
        map(LENGTH, `$mesh_body_${length}`, [
          entry("default", '""'),
          entry(literal(length), literal(length)),
        ]),
        directive(
          "limit_conn_zone",
          `$mesh_body_${length}`,
          `zone=${zone(length)}:${BODIES.zoneSize}`,
        ),
      ]),
  ];
}

/** For the front's server: how many bodies are held, and what becomes of those beyond. */
export function bodies(balancer: BalancerPlan): Directive[] {
  const limited = balancer.access.limits?.concurrent !== undefined;
  return [
    ...(limited
      ? []
      : [
          ...Object.entries(places(balancer))
            .filter(([, count]) => count > 0)
            .map(([length, count]) => directive("limit_conn", zone(length), count)),
          directive("limit_conn_status", REFUSED.held),
          directive("limit_conn_log_level", "info"),
        ]),
    // Known also where no route sets it.
    directive("set", NODE_PATH, '""'),
    directive("recursive_error_pages", "on"),
    directive("error_page", REFUSED.held, "=", STREAMED),
    directive("error_page", REFUSED.heldBelow, "=", STREAMED_BELOW),
    // A named location's proxy_pass takes no path of its own.
    streamed(balancer, STREAMED, [directive("rewrite", "^", NODE_PATH, "break")]),
    streamed(balancer, STREAMED_BELOW, []),
  ];
}

const streamed = (balancer: BalancerPlan, name: string, path: Directive[]): Directive =>
  block(
    "location",
    [name],
    [
      ...(isRouted(balancer) ? watched() : []),
      directive("proxy_request_buffering", "off"),
      directive("client_body_buffer_size", BODIES.passingBuffer),
      ...path,
      toGroup(balancer),
    ],
  );

/**
 * For each location that leads to the nodes, before it does.
 *
 * @param path that nodes get; empty for what the client wrote
 */
export function heldBodies(balancer: BalancerPlan, path: string): Directive[] {
  const limited = balancer.access.limits?.concurrent !== undefined;
  const never = Object.entries(places(balancer)).flatMap(([length, count]) =>
    count === 0 || (limited && ["7", "large"].includes(length)) ? length : [],
  );
  const code = path === "" ? REFUSED.heldBelow : REFUSED.held;
  return [
    ...(path === "" ? [] : [directive("set", NODE_PATH, literal(path))]),
    ...(path === "" && !limited ? [directive("limit_conn_status", code)] : []),
    ...(never.length === 0
      ? []
      : [block("if", [`(${LENGTH}`, "~", `^(${never.join("|")})$)`], [directive("return", code)])]),
  ];
}

/**
 * For each location whose requests the program in nginx answers: they are small, and what is passed on as it comes in goes to
 * some node, which these must not. The limit of streams per client holds for them as for all.
 */
export const answeredHere = ({ access }: BalancerPlan): Directive[] =>
  access.limits?.concurrent === undefined ? [directive("limit_conn_dry_run", "on")] : [];
