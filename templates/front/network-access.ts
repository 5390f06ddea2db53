import { listenAddresses } from "../../config/mesh-config.ts";
import { cidr, overlap, parseIpNetwork } from "../../config/net/ip-network.ts";
import { hidesClients } from "../../config/net/private-networks.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { literal, pattern } from "../words.ts";
import { CLIENT, LIMITED_ADDRESS } from "../variables.ts";

/** Whose word counts for where a request comes from, and which networks may come at all. */
export function networkMaps(balancer: BalancerPlan): Directive[] {
  const { access } = balancer;
  const { allow = [], deny = [], trustedProxies = [] } = access;
  return [
    ...networks(withGateway(balancer, trustedProxies)).map((network) =>
      directive("set_real_ip_from", literal(network)),
    ),
    ...(trustedProxies.length > 0
      ? [
          directive("real_ip_header", "X-Forwarded-For"),
          because(
            "the last address that no trusted proxy has: what stands before it, anybody may have written",
            directive("real_ip_recursive", "on"),
          ),
        ]
      : []),
    clientMap(balancer),
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

/**
 * Who the client is. What comes by the loopback of the balancer's host, or from another container there, Docker hands on
 * from the gateway of the network in which it publishes the ports: that machine itself. Over IPv6 everybody comes so, and is not known.
 */
function clientMap(balancer: BalancerPlan): Directive {
  const machine = listenAddresses(balancer.listen).some(hidesClients) ? '""' : THIS_MACHINE;
  return because(
    "Docker's gateway stands for the machine itself",
    map("$remote_addr", CLIENT, [
      entry("default", "$remote_addr"),
      ...gatewaysOf(balancer).map((gateway) => entry(literal(gateway), machine)),
    ]),
  );
}

/** A proxy on the balancer's host comes from the gateway, too. */
function withGateway(balancer: BalancerPlan, proxies: readonly string[]): string[] {
  const local = proxies.some((proxy) => overlap(parseIpNetwork(proxy)!, LOOPBACK));
  return local ? [...proxies, ...gatewaysOf(balancer)] : [...proxies];
}

/** That of the mesh network, and those of networks in which Docker may publish the ports instead. */
const gatewaysOf = ({ addresses, gateways = [] }: BalancerPlan): string[] => [
  addresses.gateway,
  ...gateways,
];

const THIS_MACHINE = "127.0.0.1";

const LOOPBACK = parseIpNetwork(THIS_MACHINE)!;

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
    [CLIENT, variable],
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
