import { cidr, overlap } from "../../config/net/ip-network.ts";
import { type Ipv4Network, freeNetwork, parseNetwork } from "../../config/net/ipv4-network.ts";
import type { MeshNetwork } from "../../plan/host-plan.ts";
import { type DockerEngine, DockerError } from "../engine/docker-engine.ts";
import { NETWORK_LIST_TRIES } from "../limits.ts";

/** Addresses that are taken. */
interface TakenNetwork extends Ipv4Network {
  /** What has it, in words. */
  holder: string;
}

/**
 * What keeps the mesh network from being made, or would be out of the host's reach afterwards: a Docker
 * network with the same addresses, and a LAN or VPN that the host is in.
 *
 * @param network undefined where the host is to have none
 * @param routes lines of `ip -4 route` on the host; empty where nobody can look
 */
export async function networkProblems(
  engine: Pick<DockerEngine, "docker">,
  network: MeshNetwork | undefined,
  routes: readonly string[],
): Promise<string[]> {
  if (!network) return [];
  const there = await dockerNetworks(engine);
  // One that is there works, or its user has lived with it.
  if (there.some((other) => isSame(other, network))) return [];
  const taken = [
    ...there.filter(({ name }) => name !== network.name).flatMap(takenByDocker),
    ...routes.flatMap(takenByRoute),
  ];
  const own = parseNetwork(network.subnet)!;
  const inTheWay = taken.filter((other) => overlap(own, other));
  if (inTheWay.length === 0) return [];
  const who = inTheWay.map((other) => `${other.holder} (${cidr(other)})`).join(" and ");
  return [
    `the mesh's own network, ${network.subnet}, overlaps ${who}; declare another one, such as balancer.subnet: ${freeNetwork(taken)}`,
  ];
}

interface DockerNetwork {
  name: string;
  subnets: Ipv4Network[];
}

function isSame({ name, subnets }: DockerNetwork, network: MeshNetwork): boolean {
  const own = cidr(parseNetwork(network.subnet)!);
  return name === network.name && subnets.some((subnet) => cidr(subnet) === own);
}

const takenByDocker = ({ name, subnets }: DockerNetwork): TakenNetwork[] =>
  subnets.map((subnet) => ({ ...subnet, holder: `its Docker network ${name}` }));

/** A route to more, such as a VPN's to 10.0.0.0/8, leads to many networks: that one of them is just here is not likely. */
const MANY_NETWORKS = 16;

/** A network that the host reaches; not those of Docker's bridges, which it names itself. */
function takenByRoute(line: string): TakenNetwork[] {
  const words = line.trim().split(/\s+/);
  const network = parseNetwork(words[0] ?? "");
  const device = words[words.indexOf("dev") + 1] ?? "";
  if (!network || /^(br-[0-9a-f]{12}|docker0|docker_gwbridge)$/.test(device)) return [];
  if (network.bits < MANY_NETWORKS) return [];
  return [{ ...network, holder: `the network at its ${device}` }];
}

async function dockerNetworks(engine: Pick<DockerEngine, "docker">): Promise<DockerNetwork[]> {
  return (await inspected(engine)).split("\n").flatMap((line) => {
    const [name, ...subnets] = line.trim().split(" ");
    if (!name) return [];
    return [{ name, subnets: subnets.flatMap((subnet) => parseNetwork(subnet) ?? []) }];
  });
}

/** In one command: each is a login where the engine is reached by ssh. */
async function inspected({ docker }: Pick<DockerEngine, "docker">): Promise<string> {
  const format = "{{.Name}}{{range .IPAM.Config}} {{.Subnet}}{{end}}";
  for (let tries = 0; tries < NETWORK_LIST_TRIES; tries++) {
    const list = await docker(["network", "ls", "--quiet", "--filter", "driver=bridge"]);
    const ids = list.split("\n").filter(Boolean);
    if (ids.length === 0) return "";
    try {
      return await docker(["network", "inspect", "--format", format, ...ids]);
    } catch (error) {
      // Somebody removed one in between.
      if (!(error instanceof DockerError && error.isNotFound)) throw error;
    }
  }
  return ""; // Docker itself will refuse one that overlaps
}
