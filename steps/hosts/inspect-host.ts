import { DockerError, dockerEngine } from "../engine/docker-engine.ts";
import { StepError } from "../step-error.ts";
import { gpuProblems, gpusOf } from "./host-gpus.ts";
import type { HostNeeds } from "./host-needs.ts";
import type { HostProblem } from "./host-problem.ts";
import {
  clientProblems,
  cpuProblems,
  engineProblems,
  engineVersion,
  inspectEngine,
} from "./inspect-engine.ts";
import { type MachineInspection, inspectMachine } from "./inspect-machine.ts";
import { portProblems } from "./port-conflicts.ts";
import { networkProblems } from "./subnet-conflicts.ts";
import { reasonUnreached, waysAround, waysToLeave } from "./unreached-host.ts";

/** What was seen of a host; what could not be found out is absent. */
export interface HostInspection {
  endpoint: string;
  engine?: string;
  api?: string;
  architecture?: string;
  memoryGiB?: number;
  freeGiB?: number;
  gpus?: string;
  /** Ahead of this machine. */
  clockSeconds?: number;
  /** Whether it answered at all. */
  reached: boolean;
  problems: HostProblem[];
}

/** Looks at a host without changing anything there. Never throws for what is wrong with the host. */
export async function inspectHost(needs: HostNeeds): Promise<HostInspection> {
  const { endpoint } = needs;
  return unlessUnreached(endpoint, wayAround(needs), async () => {
    const engine = await inspectEngine(endpoint);
    const machine = await inspectMachine(endpoint, engine);
    const docker = dockerEngine(endpoint);
    const gpus = gpusOf(engine, machine);
    const problems = [
      ...engineProblems(engine),
      ...clientProblems({ ...machine, ...engine }, needs.byAddress),
      ...cpuProblems(engine, needs.cpus),
      ...gpuProblems(needs, engine, machine),
      ...(await spaceProblems(needs, machine)),
      ...(await portProblems(docker, needs, machine.listening)),
      ...(await networkProblems(docker, needs.network, machine.routes)),
    ];
    return {
      endpoint,
      reached: true,
      engine: engine.version,
      api: engine.api,
      architecture: engine.architecture,
      memoryGiB: engine.memoryGiB,
      ...(machine.freeGiB === undefined ? {} : { freeGiB: machine.freeGiB }),
      ...(gpus === undefined ? {} : { gpus }),
      clockSeconds: engine.clockSeconds,
      problems: problems.map((text) => ({ text, ofEngine: false })),
    };
  });
}

/** A host that nodes are about to leave. */
export interface OldHost {
  endpoint: string;
  /** Names of those on it. */
  nodes: string[];
}

/** Looks at a host that nodes are about to leave: their containers are to be removed there. */
export async function inspectOldHost({ endpoint, nodes }: OldHost): Promise<HostInspection> {
  return unlessUnreached(endpoint, waysToLeave(endpoint, nodes), () => answer(endpoint));
}

/** Looks only whether the engine of a host answers. */
export async function askEngine(needs: Needed): Promise<HostInspection> {
  return unlessUnreached(needs.endpoint, wayAround(needs), () => answer(needs.endpoint));
}

type Needed = Pick<HostNeeds, "endpoint" | "nodes" | "network" | "spare">;

/** The only balancer's host, on which the network of the mesh is, cannot be declared offline. */
const wayAround = ({ endpoint, nodes = [], network, spare }: Needed): string =>
  network && !spare ? "" : waysAround(nodes, spare ? endpoint : undefined);

async function answer(endpoint: string): Promise<HostInspection> {
  const { version, api } = await engineVersion(endpoint);
  return { endpoint, reached: true, engine: version, api, problems: [] };
}

async function unlessUnreached(
  endpoint: string,
  waysOut: string,
  inspect: () => Promise<HostInspection>,
): Promise<HostInspection> {
  try {
    return await inspect();
  } catch (error) {
    if (!(error instanceof StepError || error instanceof DockerError)) throw error;
    const why = error instanceof DockerError ? notUnderstood(endpoint, error) : error.message;
    const text = (await reasonUnreached(endpoint, why)) + waysOut;
    return { endpoint, reached: false, problems: [{ text, ofEngine: true }] };
  }
}

/** Something answers, and not as an engine does: another program has the port, or it is broken. */
const notUnderstood = (endpoint: string, { lastWords }: DockerError): string =>
  `Docker engine ${endpoint}: what answers there does not do what the docker command asks; correct \`host\`, or mend what docker says\n  docker says: ${lastWords.slice(0, 300)}`;

/**
 * Makes sure that an engine answers from which a container is about to be removed.
 *
 * @param node whose container it is
 * @throws StepError when it does not
 */
export async function requireEngine(endpoint: string, node: string): Promise<void> {
  const { problems } = await inspectOldHost({ endpoint, nodes: [node] });
  if (problems.length > 0) throw new StepError(problems.map(({ text }) => text).join("\n"));
}

async function spaceProblems(needs: HostNeeds, { freeGiB }: MachineInspection): Promise<string[]> {
  const { minimumFreeGiB: least, volume, endpoint } = needs;
  if (least === undefined || !volume || freeGiB === undefined || freeGiB >= least) return [];
  const { docker } = dockerEngine(endpoint);
  const there = await docker(["volume", "ls", "--quiet", "--filter", `name=^${volume}$`]);
  if (there.trim() !== "") return []; // its models may all be there; the step that downloads looks again
  return [
    `it has ${freeGiB.toFixed(1)} GiB left for models, and rollout.minimumFreeGib asks for ${least}; free some space there (docker system df shows what takes it), or lower it`,
  ];
}
