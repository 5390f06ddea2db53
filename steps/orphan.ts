import { randomBytes } from "node:crypto";
import { MESH_LABEL } from "../config/names.ts";
import type { BalancerRef } from "../plan/balancer-ref.ts";
import { readState } from "./balancer/config-volume.ts";
import { dockerEngine, DockerError } from "./engine/docker-engine.ts";
import { StepError } from "./step-error.ts";

/** What is about to be made on an engine, and may be there already without being known. */
export interface Orphan {
  kind: "container" | "network";
  endpoint: string;
  name: string;
  /** Label that tells that it is ours, and its value. */
  label: string;
  mesh: string;
  /** Node of a container. */
  node?: string;
}

/**
 * Removes what an `up` that was killed left behind.
 *
 * @throws StepError when it is in use: then somebody else manages it
 */
export async function removeOrphan(balancer: BalancerRef, orphan: Orphan): Promise<void> {
  const { docker } = dockerEngine(orphan.endpoint);
  const { kind, name, node } = orphan;
  const found = await inspect(orphan);
  // Whoever's it is otherwise: Docker's own words say that the name is taken.
  if (!found || found.labels[orphan.label] !== orphan.mesh) return;
  const used =
    kind === "network"
      ? found.members.length > 0
      : node !== undefined && node in ((await readState(balancer))?.servers ?? {});
  if (used) {
    throw new StepError(
      `${kind} ${name} is on ${orphan.endpoint} and in use, but not in this stack's state; another stack or state has a mesh of the same name: give this one another name, or destroy that one first. Or the balancer was on its way from there to another engine, and that failed: let that end first`,
    );
  }
  await docker(kind === "container" ? ["rm", "--force", name] : ["network", "rm", name]);
}

/** A container that is about to be made, by the name of which there may be one. */
export interface Named {
  endpoint: string;
  name: string;
  mesh: string;
}

/** Gives a container of a mesh another name, which says that it is on its way out. It goes on as it is. */
export async function renameAway({ endpoint, name, mesh }: Named): Promise<void> {
  const found = await inspect({ kind: "container", endpoint, name });
  if (found?.labels[MESH_LABEL] !== mesh) return;
  const other = `${name}.before-${randomBytes(4).toString("hex")}`;
  await dockerEngine(endpoint).docker(["rename", name, other]);
}

async function inspect({ kind, endpoint, name }: Pick<Orphan, "kind" | "endpoint" | "name">) {
  try {
    const text = await dockerEngine(endpoint).docker([kind, "inspect", name]);
    const [found] = JSON.parse(text) as {
      Labels?: Record<string, string>;
      Config?: { Labels?: Record<string, string> };
      Containers?: Record<string, unknown>;
    }[];
    return (
      found && {
        labels: found.Labels ?? found.Config?.Labels ?? {},
        members: Object.keys(found.Containers ?? {}),
      }
    );
  } catch (error) {
    if (error instanceof DockerError && error.isNotFound) return undefined;
    throw error;
  }
}
