import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { isMeshNetwork } from "../../plan/network-name.ts";
import { OWN_SOCKET } from "../../templates/nginx-layout.ts";
import { containerState, lastLog } from "../engine/containers.ts";
import { DockerError, type DockerEngine, dockerEngine } from "../engine/docker-engine.ts";
import { SENT_OFF_SECONDS, SERVING_SECONDS } from "../limits.ts";
import { progress, StepError } from "../step-error.ts";
import { DeadlineError, until, waiting } from "../until.ts";
import { askItself, CONFIG_HASH_URL, LEAVING_URL } from "./ask.ts";
import {
  type BalancerContainer,
  containersOfBalancer,
  youngestFirst,
} from "./front/find-balancer.ts";
import { giveAddress } from "./front/give-address.ts";
import { goTogether } from "./front/published-ports.ts";
import { joinNetworks } from "./front/join-networks.ts";
import { untilItKnowsNodes } from "./front/knows-nodes.ts";
import { WORKERS } from "./nginx-workers.ts";

/** The balancer that must serve. */
export interface ServingInput {
  balancer: BalancerRef;
  mesh: string;
  /** Ids of the container that owns the ports, and of the nginx that has joined it. */
  front: string;
  nginx: string;
  /** The balancer's in the mesh network; a front beside which another one still has it gets one behind. */
  address: string;
  /** Processes that its containers may have; the docker provider has no such argument. */
  pids: number;
  /** Container that holds the address shared with another balancer; absent where there is none. */
  virtualAddress?: string;
  /** Networks of others that it joins; absent for none. */
  networks?: string[];
}

/**
 * Lets a new nginx take the place of the one before: waits until it answers with its config, asked by itself; has
 * its front take address and ports, where another one has them; waits until it knows its nodes; and sends the other
 * off, which finishes what it serves, with its front where that is another one with other ports.
 *
 * @throws StepError with the last lines of its container when it does not come up; the one before serves on then
 */
export async function serving(input: ServingInput): Promise<{ serving: string }> {
  const { balancer, mesh, front, nginx, pids } = input;
  const engine = dockerEngine(balancer.endpoint);
  await engine.docker(["update", "--pids-limit", `${pids}`, front, nginx]);
  const hash = await waitUntilServing(balancer, nginx);
  const all = await containersOfBalancer(engine, mesh);
  const owner = all.find(({ id }) => id === front);
  const others = all.filter(({ id }) => id !== front && id !== nginx);
  if (owner) {
    await giveAddress(engine, balancer, owner, input.address, others, input.virtualAddress);
    const networks = { own: stillUsed(input, others), foreign: input.networks ?? [] };
    await joinNetworks(engine, owner, networks);
  }
  const leaving = others.filter((other) => owner && servesBeside(other, owner, balancer.network));
  const fronts = [front, ...leaving.map(({ id }) => id)];
  const [before] = others
    .filter(({ joined, running }) => running && joined !== undefined && fronts.includes(joined))
    .sort(youngestFirst);
  if (before) await untilItKnowsNodes(engine, nginx, before.id);
  for (const { id } of leaving) await engine.docker(["kill", "--signal", RETIRE, id]);
  for (const other of others.filter((each) => !leaving.includes(each))) {
    await sendOff(engine, other, fronts);
  }
  if (others.length > 0) await untilAlone(engine, front);
  return { serving: hash };
}

/** Networks of the mesh where nodes may be until their turn to move comes: those of a front that is replaced meanwhile. */
const stillUsed = ({ mesh, balancer }: ServingInput, others: readonly BalancerContainer[]) =>
  [...new Set(others.flatMap(({ networks }) => networks))].filter(
    (name) => isMeshNetwork(mesh, name) && name !== balancer.network,
  );

/**
 * Waits until an nginx answers with its config. One that is down is started: a Docker engine before 29 does not always
 * bring back what has joined another container.
 *
 * @param nginx id or name of its container
 * @throws StepError with its last lines when it does not
 */
export async function waitUntilServing(balancer: BalancerRef, nginx: string): Promise<string> {
  const { endpoint, container } = balancer;
  const engine = dockerEngine(endpoint);
  try {
    return await until(`the balancer ${container} serves`, SERVING_SECONDS, async () => {
      const state = await containerState(endpoint, nginx);
      if (!state) return waiting("no such container");
      if (state.status === "exited") await engine.docker(["start", nginx]);
      if (state.status !== "running") return waiting(`container ${state.status}`);
      try {
        return await askItself(engine, nginx, CONFIG_HASH_URL);
      } catch (error) {
        if (error instanceof StepError) return waiting(error.message);
        if (!(error instanceof DockerError)) throw error;
        return waiting(error.lastWords);
      }
    });
  } catch (error) {
    if (!(error instanceof DeadlineError || error instanceof DockerError)) throw error;
    // nginx writes to the log of the container that it has joined; what is wrong with its image stands in its own.
    const logs = await Promise.all(
      [container, nginx].map((name) => lastLog(endpoint, name).catch(() => "")),
    );
    const log = logs.filter(Boolean).join("\n");
    throw new StepError(
      `${error.message}; mend what the last lines name and run pulumi up again:\n${log}`,
    );
  }
}

/** By which a front closes its ports, and starts no nginx any more: see keep-ports.pl. */
const RETIRE = "USR1";

/** Whether it is a front with other ports, which goes on until its nginx has finished: Pulumi removes it then. */
const servesBeside = (other: BalancerContainer, front: BalancerContainer, network: string) =>
  other.running &&
  other.joined === undefined &&
  other.networks.includes(network) &&
  goTogether(front.ports, other.ports);

/**
 * Has it finish what it serves and take nothing new. Pulumi removes it, once it has ended or its time is over; what has
 * ended already, or is a front without its address, is removed at once: Pulumi may not know it, after an `up` that was killed.
 */
async function sendOff(
  engine: DockerEngine,
  { id, joined, running }: BalancerContainer,
  fronts: readonly string[],
): Promise<void> {
  const remove = () => engine.docker(["rm", "--force", id]);
  if (running) await tellThatItLeaves(engine, id);
  if (joined === undefined || !fronts.includes(joined)) return void (await remove());
  try {
    // Its stop signal, so that Docker does not start it again.
    await engine.docker(["kill", "--signal", "QUIT", id]);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return void (await remove()); // it does not run
  }
}

/** It writes down what keys have used. One without keys, or of an older version, knows of no such page. */
async function tellThatItLeaves(engine: DockerEngine, nginx: string): Promise<void> {
  try {
    await askItself(engine, nginx, LEAVING_URL);
  } catch (error) {
    if (!(error instanceof DockerError || error instanceof StepError)) throw error;
  }
}

/** Which nginx take connections, asked of the front, whose processes they share: an exec into one that ends may hang. */
const SERVING = `${WORKERS}\nserving_nginx "$0"`;

/** Waits until only one nginx takes connections: what comes next may rely on it. */
async function untilAlone({ docker }: DockerEngine, front: string): Promise<void> {
  try {
    await until("another nginx takes no connections any more", SENT_OFF_SECONDS, async () => {
      const serving = await docker(["exec", front, "sh", "-c", SERVING, OWN_SOCKET]);
      const count = serving.trim().split("\n").length;
      return count <= 1 || waiting(`${count} nginx do`);
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    progress(error.message);
  }
}
