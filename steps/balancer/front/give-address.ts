import { balancerAddresses } from "../../../plan/addresses.ts";
import type { BalancerRef } from "../../../plan/balancer-ref.ts";
import { DockerError, type DockerEngine } from "../../engine/docker-engine.ts";
import { StepError } from "../../step-error.ts";
import { withoutAddress } from "../virtual-address/hold-address.ts";
import type { BalancerContainer } from "./find-balancer.ts";
import { goTogether } from "./published-ports.ts";

/**
 * Puts the front into the mesh network, where Docker publishes its ports: the nginx in it serves from then on. Another
 * one with none of these ports serves on beside it, and keeps its address. One with some of them is killed first, as no
 * connection of its outlives that: so its clients are told, while the network is still there. Between the two, 0.3 s,
 * new connections are refused.
 *
 * @param address in the mesh network; where that is taken, one of those that are kept free for this
 * @param others that may have it
 * @param virtualAddress container that holds an address shared with another balancer, which has it meanwhile
 * @throws StepError when Docker does not publish the ports; the other one has them again then
 */
export async function giveAddress(
  engine: DockerEngine,
  balancer: BalancerRef,
  front: BalancerContainer,
  address: string,
  others: readonly BalancerContainer[],
  virtualAddress?: string,
): Promise<void> {
  if (front.networks.includes(balancer.network)) return;
  await withoutAddress(engine, virtualAddress, () =>
    take(engine, balancer, front, address, others),
  );
}

async function take(
  { docker }: DockerEngine,
  { network, container, endpoint }: BalancerRef,
  front: BalancerContainer,
  address: string,
  others: readonly BalancerContainer[],
): Promise<void> {
  if (front.networks.includes("none")) await docker(["network", "disconnect", "none", front.id]);
  const there = others.filter(({ running, networks }) => running && networks.includes(network));
  const before = there.filter((other) => !goTogether(front.ports, other.ports));
  for (const { id } of before) await docker(["kill", id]);
  const ip = before.length === there.length ? address : await freeAddress(docker, network, address);
  try {
    await docker(["network", "connect", "--ip", ip, network, front.id]);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    // Docker may have left it half connected.
    await docker(["network", "disconnect", "--force", network, front.id]).catch(() => undefined);
    for (const { id } of before) await docker(["start", id]);
    const serves = before.length > 0 ? "; the one before serves again" : "";
    throw new StepError(
      `the balancer ${container} on ${endpoint} gets no ports: ${error.lastWords}${serves}; mend that and run pulumi up again`,
    );
  }
}

/** One that nobody in the network has; the first, which Docker refuses then, where there is none. */
async function freeAddress(
  docker: DockerEngine["docker"],
  network: string,
  first: string,
): Promise<string> {
  const format = "{{range .Containers}}{{.IPv4Address}} {{end}}";
  const taken = (await docker(["network", "inspect", "--format", format, network]))
    .split(/\s+/)
    .map((each) => each.split("/")[0]);
  return balancerAddresses(first).find((one) => !taken.includes(one)) ?? first;
}
