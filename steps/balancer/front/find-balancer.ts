import type { BalancerRef } from "../../../plan/balancer-ref.ts";
import { MESH_LABEL, NODE_LABEL, BALANCER_NAME } from "../../../config/names.ts";
import { OWN_SOCKET } from "../../../templates/nginx-layout.ts";
import { type ContainerState, containerState } from "../../engine/containers.ts";
import { DockerError, type DockerEngine, dockerEngine } from "../../engine/docker-engine.ts";
import { CURL_START_SECONDS } from "../../limits.ts";
import { StepError } from "../../step-error.ts";
import { type PortBindings, publishedBy } from "./published-ports.ts";

/** A container of a balancer: the front, which owns its ports, or an nginx that has joined it. */
export interface BalancerContainer {
  id: string;
  running: boolean;
  status: string;
  image: string;
  /** When it was made, as Docker writes it. */
  created: string;
  /** Id of the front that it has joined; undefined for a front. */
  joined?: string;
  /** Networks that it is in. */
  networks: string[];
  /** Addresses and ports of the host that it publishes, as "127.0.0.1:11434". */
  ports: string[];
}

/**
 * Looks at a balancer.
 *
 * @returns undefined where there is none; `image` is nginx's, which may be another one than the front was made with
 */
export async function findBalancer(balancer: BalancerRef): Promise<ContainerState | undefined> {
  const engine = dockerEngine(balancer.endpoint);
  const front = await containerState(balancer.endpoint, balancer.container);
  if (!front?.running) return front;
  const image = await servingImage(engine, front.id);
  return { ...front, image: image ?? front.image };
}

/** Image of the nginx that takes connections; undefined where none has joined the front. */
async function servingImage(engine: DockerEngine, front: string): Promise<string | undefined> {
  const all = await balancerContainers(engine, [`label=${NODE_LABEL}=${BALANCER_NAME}`]);
  const joined = all
    .filter((each) => each.joined === front && each.status === "running")
    .sort(youngestFirst);
  if (joined.length < 2) return joined[0]?.image;
  for (const each of joined) if (await takesConnections(engine, each.id)) return each.image;
  return joined[0]?.image;
}

/** For a sort. */
export const youngestFirst = (one: BalancerContainer, other: BalancerContainer): number =>
  one.created < other.created ? 1 : -1;

/** Everything of a mesh's balancers on an engine, whatever an `up` before left of it. */
export const containersOfBalancer = (
  engine: DockerEngine,
  mesh: string,
): Promise<BalancerContainer[]> =>
  balancerContainers(engine, [
    `label=${MESH_LABEL}=${mesh}`,
    `label=${NODE_LABEL}=${BALANCER_NAME}`,
  ]);

async function balancerContainers(
  { docker }: DockerEngine,
  filters: readonly string[],
): Promise<BalancerContainer[]> {
  const ids = (
    await docker(["ps", "--all", "--quiet", ...filters.flatMap((each) => ["--filter", each])])
  ).split(/\s+/);
  const found = await Promise.all(
    ids.filter(Boolean).map(async (id) => {
      try {
        return parseContainer(await docker(["container", "inspect", id]));
      } catch (error) {
        if (error instanceof DockerError && error.isNotFound) return [];
        throw error;
      }
    }),
  );
  return found.flat();
}

/** Reads what the engine says of a container. */
export function parseContainer(inspected: string): BalancerContainer[] {
  const found = JSON.parse(inspected) as {
    Id: string;
    Created: string;
    State: { Running: boolean; Status: string };
    Config: { Image: string };
    HostConfig: { NetworkMode: string; PortBindings?: PortBindings };
    NetworkSettings: { Networks: Record<string, unknown> | null };
  }[];
  return found.map(({ Id, Created, State, Config, HostConfig, NetworkSettings }) => {
    const joined = /^container:(.+)$/.exec(HostConfig.NetworkMode)?.[1];
    return {
      id: Id,
      running: State.Running,
      status: State.Status,
      image: Config.Image,
      created: Created,
      ...(joined === undefined ? {} : { joined }),
      networks: Object.keys(NetworkSettings.Networks ?? {}),
      ports: publishedBy(HostConfig.PortBindings ?? null),
    };
  });
}

/** Whether an nginx takes connections: one that was sent off has removed its socket. */
async function takesConnections({ docker }: DockerEngine, id: string): Promise<boolean> {
  try {
    await docker(["exec", id, "test", "-S", OWN_SOCKET], { timeoutSeconds: CURL_START_SECONDS });
    return true;
  } catch (error) {
    // Engines before 29 may never answer for a container that ends just then.
    if (error instanceof DockerError || error instanceof StepError) return false;
    throw error;
  }
}
