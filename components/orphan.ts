import * as pulumi from "@pulumi/pulumi";
import type { BalancerRef } from "../plan/balancer-ref.ts";
import { engineIsMocked } from "./engine-is-mocked.ts";
import { removeOrphan, renameAway, type Named, type Orphan } from "../steps/orphan.ts";

/**
 * An `up` that is killed while Docker makes something leaves it behind without a word in the state, and the next
 * one would find its name taken. So what has our label is removed right before it is made, unless it serves.
 *
 * A hook, because nothing else runs just then; of a delete it knows nothing, so that `destroy` needs no program.
 * Pulumi's mocks have no hooks.
 */
export function clearOrphan(
  name: string,
  balancer: BalancerRef,
  orphan: Orphan,
): pulumi.CustomResourceOptions {
  if (engineIsMocked()) return {};
  const hook = new pulumi.ResourceHook(`${name}-leftover`, () => removeOrphan(balancer, orphan));
  return { hooks: { beforeCreate: [hook] } };
}

/**
 * What has the name of a container that is about to be made beside it gets another one, and goes on: the container that
 * is replaced, which Pulumi knows by its id, or what an `up` that was killed left behind.
 */
export function setAside(name: string, named: Named): pulumi.CustomResourceOptions {
  if (engineIsMocked()) return {};
  const hook = new pulumi.ResourceHook(`${name}-set-aside`, () => renameAway(named));
  return { hooks: { beforeCreate: [hook] } };
}
