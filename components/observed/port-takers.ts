import type { Problem } from "../../config/problems.ts";
import { parseIp } from "../../config/net/ip-address.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { DockerError, dockerSync } from "../../steps/engine/docker-engine.ts";
import { ANSWER_SECONDS } from "./observed-mesh.ts";

/** Of the engine's API, Docker 28's: a network can be joined behind another one. Source: Docker, docker network connect --gw-priority. */
const SINCE = "1.48";

/** A network of others that is about to take the balancer's ports. */
export interface PortTaker {
  endpoint: string;
  network: string;
  /** The mesh's own there. */
  own: string;
}

/** Networks of others in which Docker before 28 publishes the balancer's ports. */
export interface PortTakers {
  /** IPv4 addresses by which such a network knows its machine. */
  gateways: string[];
  /** Those that the balancer is not in yet. */
  joining: PortTaker[];
}

/**
 * Asks a balancer's engine about those networks of others that come before the mesh's own by name: of all networks of a
 * container Docker before 28 publishes its ports in the first. Nothing is asked where there is none. What does not answer
 * is no such network: it is told of elsewhere.
 *
 * @param own name of the mesh's network there
 */
export function askPortTakers(
  { endpoint, networks = [], container }: Pick<BalancerPlan, "endpoint" | "networks" | "container">,
  own: string,
): PortTakers {
  const found = networks
    .filter((network) => network < own)
    .flatMap((network) => inspected(endpoint, network) ?? []);
  const joining = found.filter(({ members }) => !members.includes(container));
  return {
    gateways: found.flatMap(({ gateways }) => gateways),
    joining:
      joining.length > 0 && !joinsBehind(endpoint)
        ? joining.map(({ network }) => ({ endpoint, network, own }))
        : [],
  };
}

const FORMAT = "{{range .IPAM.Config}}{{.Gateway}} {{end}}|{{range .Containers}}{{.Name}} {{end}}";

function inspected(endpoint: string, network: string) {
  const printed = ask(endpoint, ["network", "inspect", "--format", FORMAT, network]);
  if (printed === undefined) return undefined;
  const [gateways = [], members = []] = printed.split("|").map((part) => part.trim().split(" "));
  return {
    network,
    members,
    gateways: gateways.filter((each) => parseIp(each)?.kind() === "ipv4"),
  };
}

/** Both: an older command knows the option no more than an older engine does. */
const joinsBehind = (endpoint: string): boolean =>
  (ask(endpoint, ["version", "--format", "{{.Client.APIVersion}} {{.Server.APIVersion}}"]) ?? SINCE)
    .trim()
    .split(" ")
    .every((each) => SINCE.localeCompare(each, "en", { numeric: true }) <= 0);

function ask(endpoint: string, args: string[]): string | undefined {
  try {
    return dockerSync(endpoint, args, ANSWER_SECONDS);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return undefined;
  }
}

/** What is said before such a network is joined. */
export const portTakerWarning = ({ endpoint, network, own }: PortTaker): Problem => ({
  path: "balancer.networks",
  text: `${network} comes before the mesh's own network, ${own}, by name, and Docker before 28 publishes the balancer's ports in the first: when it is joined on ${endpoint} the ports are refused for some 0.2 s, and what is open is cut. With Docker 28 or newer, there and here, they stay where they are; so they do where the network has a name that comes after ${own}`,
});
