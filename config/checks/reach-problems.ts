import { isIP } from "node:net";
import { DEFAULT_ENGINE, DOCKER_DNS, HOST_GATEWAY } from "../defaults.ts";
import { isAttached, meshEngine, type NodeConfig } from "../mesh-config.ts";
import { engineHost } from "../net/engine-endpoint.ts";
import { parseIpNetwork, overlap } from "../net/ip-network.ts";
import { isLoopback, isWhoAsks } from "../net/private-networks.ts";
import { type Problem, show } from "../problems.ts";
import type { WellFormed } from "./well-formed.ts";

const OWN =
  "is the balancer's own container there, not its host; declare the host's address on the LAN, at which the server must listen (Ollama: OLLAMA_HOST=0.0.0.0)";

/** Addresses that the balancer's container can never reach, and what to declare. */
const OUT_OF_REACH: readonly [readonly string[], string][] = [
  [["127.0.0.0/8", "::1"], OWN],
  [["0.0.0.0/8", "::"], "is no address of a machine; declare the one at which others reach it"],
  [
    ["169.254.0.0/16", "fe80::/10"],
    "is link-local, which holds on one cable only; declare the machine's address on the LAN",
  ],
  [["224.0.0.0/4", "240.0.0.0/4", "ff00::/8"], "is not the address of one machine"],
  [["::/0"], "is IPv6, which the mesh network has not; declare the machine's IPv4 address"],
];

/** The same of names. */
const UNKNOWN_NAMES: readonly [RegExp, string][] = [
  [/^(.*\.)?localhost$/i, OWN],
  [
    /\.local$/i,
    "is a name that only machines with mDNS (Bonjour, Avahi) look up, and containers do not; declare the machine's IP address",
  ],
  [
    /^gateway\.docker\.internal$|^host\.containers\.internal$/i,
    "is a name that only Docker Desktop gives to containers; declare host.docker.internal, or the host's address on the LAN",
  ],
];

/**
 * A node at a place where the balancer's container can never get. One in maintenance, or on a host that is off, is not
 * asked for anything, and so not refused.
 *
 * @param place where it is reached: its address, or else the host of its engine
 * @param field which of the two it is
 */
export function outOfReachProblems(
  { maintenance, offline }: NodeConfig,
  place: string,
  field: "address" | "host",
): Problem[] {
  if (maintenance || offline) return [];
  const why = reason(place);
  if (why === undefined) return [];
  const text =
    field === "address"
      ? `must be reachable from the balancer's container, and ${place} ${why}, got ${show(place)}`
      : `is missing; the balancer would look for the node at ${place}: that ${why}`;
  return [{ path: "address", text }];
}

/** Servers that the balancer asks: at a loopback address it would ask its own container. */
export function askedServerProblems({ balancer, nodes }: WellFormed): Problem[] {
  const { resolver, tracing } = balancer;
  const problem = (path: string, place: string, declare: string, given: string): Problem => ({
    path,
    text: `must be reachable from the balancer's container, and ${place} is that container itself; declare ${declare}, got ${show(given)}`,
  });
  const collector = tracing && /^(?:\w+:\/\/)?\[?(.+?)\]?:\d+$/.exec(tracing.endpoint)![1]!;
  const server = `the server that your network has (resolvectl status shows it), or ${DOCKER_DNS}, which is Docker's own and asks it`;
  return [
    ...(resolver !== undefined &&
    isLoopback(resolver) &&
    resolver !== DOCKER_DNS &&
    nodes.some(({ node }) => isNamed(node, meshEngine(balancer)))
      ? [problem("balancer.resolver", resolver, server, resolver)]
      : []),
    ...(collector !== undefined && isWhoAsks(collector)
      ? [
          problem(
            "balancer.tracing.endpoint",
            collector,
            "the collector's address on the LAN, or that of Docker's bridge (172.17.0.1)",
            tracing!.endpoint,
          ),
        ]
      : []),
  ];
}

/** Whether nginx asks a server for a node's name; not for the host's, nor for what stands for an address that is known later. */
function isNamed(node: NodeConfig, attaching: string | undefined): boolean {
  if (isAttached(node, attaching)) return false;
  const place = node.address ?? engineHost(node.host ?? DEFAULT_ENGINE) ?? "";
  return isIP(place) === 0 && place !== HOST_GATEWAY && !place.endsWith(".invalid");
}

function reason(place: string): string | undefined {
  if (isIP(place) === 0) return UNKNOWN_NAMES.find(([pattern]) => pattern.test(place))?.[1];
  const own = parseIpNetwork(place);
  return OUT_OF_REACH.find(([networks]) =>
    networks.some((network) => own && overlap(own, parseIpNetwork(network)!)),
  )?.[1];
}
