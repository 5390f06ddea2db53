import { listenAddresses } from "../config/mesh-config.ts";
import { isIP } from "node:net";
import { hostOf } from "../config/net/host-port.ts";
import { isUnspecified } from "../config/net/ip-address.ts";
import { isLoopback } from "../config/net/private-networks.ts";
import type { BalancerPlan } from "./balancer-plan.ts";
import type { NodePlan } from "./node-plan.ts";

/** Where a node asks the balancer what it holds of it: over plain HTTP, since Ollama's image can't speak more. */
export type VerdictSource =
  /** On the mesh network, by the balancer's name there: its address changes with its ports. */
  | { via: "mesh"; address: string }
  /** At a port that the balancer's host publishes. */
  | { via: "front"; address: string; port: number };

/**
 * Where a node asks whether it hangs, so that it restarts by itself.
 *
 * @returns undefined where it asks nobody: it is not an Ollama that the mesh runs, nobody judges, or the balancer has
 *   no plain port within its reach
 */
export function verdictSource(balancer: BalancerPlan, node: NodePlan): VerdictSource | undefined {
  const { container } = node;
  if (!restartsItself(balancer) || !container || container.service) return undefined;
  const { listen, tls } = balancer;
  if (container.meshAddress !== undefined) return { via: "mesh", address: balancer.container };
  const port = tls ? tls.redirectPort : listen.port;
  const addresses = listenAddresses(listen);
  if (port === undefined || addresses.every(isLoopback)) return undefined;
  // The one for clients may be this machine's own, whichever comes first.
  const forClients = hostOf(balancer.url);
  const address = [forClients, ...addresses].find(leadsElsewhere);
  return address === undefined ? undefined : { via: "front", address, port };
}

const leadsElsewhere = (address: string) =>
  address !== "localhost" && !isUnspecified(address) && !(isIP(address) > 0 && isLoopback(address));

const restartsItself = ({ routing, health }: BalancerPlan) =>
  routing === "models" && health === "restart";
