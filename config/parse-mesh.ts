import { balancerProblems } from "./checks/balancer-problems.ts";
import { meshEnvironmentProblems } from "./checks/environment-problems.ts";
import {
  addressProblems,
  backupProblems,
  loopProblems,
  modelsPathProblems,
  monitoringProblems,
  nameProblems,
  rolloutProblems,
  spellingProblems,
  tracingProblems,
} from "./checks/fleet-problems.ts";
import { joinedNetworkProblems, meshNetworkProblems } from "./checks/mesh-network-problems.ts";
import { nodeProblems } from "./checks/node-problems.ts";
import { offlineProblems } from "./checks/offline-problems.ts";
import { askedServerProblems } from "./checks/reach-problems.ts";
import { type WellFormed, allOf, wellFormed } from "./checks/well-formed.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { publishedProblems } from "./ports/published-problems.ts";
import { poolProblems } from "./pools/pool-problems.ts";
import { ConfigurationError, type Problem } from "./problems.ts";
import { fieldProblems } from "./schema/field-problems.ts";
import { meshSchema } from "./schema/mesh-schema.ts";
import { withoutUndefined } from "./without-undefined.ts";

/**
 * Checks the arguments of a mesh and returns them.
 *
 * @param name of the mesh, from which its network follows; without it that is not checked
 * @throws ConfigurationError naming every problem at once
 */
export function parseMesh(given: unknown, name?: string): MeshConfig {
  const input = withoutUndefined(given);
  const parsed = meshSchema.safeParse(input);
  const problems = [
    ...(parsed.success ? [] : fieldProblems(parsed.error, input)),
    ...combinationProblems(parsed.success ? allOf(parsed.data) : wellFormed(input), name),
  ];
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new ConfigurationError(problems);
}

/** What each field allows but together can't work, or would hurt. */
function combinationProblems(mesh: WellFormed, name?: string): Problem[] {
  return [
    ...nameProblems(mesh),
    ...addressProblems(mesh),
    ...spellingProblems(mesh),
    ...loopProblems(mesh),
    ...publishedProblems(mesh),
    ...mesh.nodes.flatMap((node) => nodeProblems(node, mesh)),
    ...backupProblems(mesh),
    ...offlineProblems(mesh),
    ...modelsPathProblems(mesh),
    ...monitoringProblems(mesh),
    ...meshNetworkProblems(mesh, name),
    ...joinedNetworkProblems(mesh, name),
    ...rolloutProblems(mesh),
    ...poolProblems(mesh),
    ...balancerProblems(mesh),
    ...tracingProblems(mesh),
    ...askedServerProblems(mesh),
    ...meshEnvironmentProblems(mesh),
  ];
}
