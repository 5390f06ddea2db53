import { cidr, parseIpNetwork } from "../../config/net/ip-network.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { literal, pattern } from "../words.ts";
import { LIMITED_ADDRESS } from "../variables.ts";

/** Whose word counts for where a request comes from, and which networks may come at all. */
export function networkMaps({ access }: BalancerPlan): Directive[] {
  const { allow = [], deny = [], trustedProxies = [] } = access;
  return [
    ...networks(trustedProxies).map((network) => directive("set_real_ip_from", literal(network))),
    ...(trustedProxies.length > 0
      ? [
          directive("real_ip_header", "X-Forwarded-For"),
          because(
            "the last address that no trusted proxy has: what stands before it, anybody may have written",
            directive("real_ip_recursive", "on"),
          ),
        ]
      : []),
    ...(deny.length > 0 ? [geo("$mesh_denied", "no", deny, "denied")] : []),
    ...(allow.length > 0 ? [geo("$mesh_allowed", "no", allow, "allowed")] : []),
    ...(limitsNetworks({ access })
      ? [
          map(
            `"${deny.length > 0 ? "$mesh_denied" : "no"} ${allow.length > 0 ? "$mesh_allowed" : "allowed"}"`,
            "$mesh_network",
            [entry("default", "refused"), entry(literal("no allowed"), "welcome")],
          ),
        ]
      : []),
  ];
}

/** Whether not every network may come. */
export const limitsNetworks = ({ access }: Pick<BalancerPlan, "access">) =>
  Boolean(access.allow?.length || access.deny?.length);

/** What refused networks are told. */
export const NETWORK_REFUSED = "this network may not use the load balancer";

/** Where LIMITED_ADDRESS comes from. */
export function limitedAddress(): Directive {
  return because(
    "a client with IPv6 has a /64, and would have as many limits as addresses; IPv4 inside IPv6 is one address",
    map("$binary_remote_addr", LIMITED_ADDRESS, [
      entry("default", "$binary_remote_addr"),
      entry(pattern`(?s)^(?!\x00{10}\xff\xff)(?<mesh_network_64>.{8}).{8}\z`, "$mesh_network_64"),
    ]),
  );
}

function geo(variable: string, otherwise: string, of: readonly string[], value: string): Directive {
  return block(
    "geo",
    [variable],
    [
      entry("default", otherwise),
      // A half may have been declared itself.
      ...[...new Set(networks(of).flatMap(halves))].map((network) =>
        entry(literal(network), value),
      ),
    ],
  );
}

/** To nginx a network of all addresses is `default` over again, of which it warns; two halves are not. */
function halves(network: string): string[] {
  if (network === "0.0.0.0/0") return ["0.0.0.0/1", "128.0.0.0/1"];
  return network === "::/0" ? ["::/1", "8000::/1"] : [network];
}

/**
 * Networks as nginx takes them without a warning: no bits behind the mask, none twice, in one order. They
 * hold digits, letters, dots, colons and a slash only, whatever was declared.
 */
function networks(declared: readonly string[]): string[] {
  return [...new Set(declared.map((text) => cidr(parseIpNetwork(text)!)))].sort();
}
