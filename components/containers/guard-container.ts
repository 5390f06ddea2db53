import { CONFIG_FOLDER, GUARD_PORT } from "../../templates/nginx-layout.ts";
import type { LinkKeyPairs } from "../../steps/nodes/guard.ts";
import { GUARD_FILES, guardConf } from "../../templates/guard-conf.ts";
import { GUARD } from "../../config/defaults.ts";
import { hardenedNginx } from "./hardened-container.ts";
import { shortHash } from "../../config/short-hash.ts";
import type { ContainerPlan, NodePlan } from "../../plan/node-plan.ts";

/** What a guard shows of itself, and by which it knows each of the balancers. */
export interface GuardKeyPairs {
  server: LinkKeyPairs["server"];
  clients: LinkKeyPairs["client"][];
}

/** What lies in the volume of a guard, by name. */
export function guardFiles(container: ContainerPlan, { server, clients }: GuardKeyPairs) {
  return {
    [GUARD_FILES.certificate]: server.certificate,
    [GUARD_FILES.key]: server.key,
    [GUARD_FILES.client]: clients.map(({ certificate }) => certificate).join(""),
    "nginx.conf": guardConf(container),
  };
}

/**
 * Name of the volume with a guard's files: other files are another volume, so that the old guard has its own for as
 * long as it runs. The hash tells nothing of the keys.
 */
export const guardVolume = (guard: string, files: Record<string, string>) =>
  `${guard}-${shortHash(JSON.stringify(files), 12)}`;

/**
 * What the docker provider is told of a guard's container, but for its image. Pure.
 *
 * @throws RangeError for a node without a guard: a mistake of ours
 */
export function guardContainerArgs(mesh: string, node: NodePlan, volume: string) {
  const { guard, publish } = node.container ?? {};
  if (!guard || !publish) throw new RangeError(`node ${node.name} has no guard`);
  return {
    ...hardenedNginx({
      mesh,
      node: node.name,
      configFile: `${CONFIG_FOLDER}/nginx.conf`,
      memoryMib: GUARD.memoryMib,
      healthPath: "/",
    }),
    name: guard,
    ports: [{ ip: publish.ip, external: publish.port, internal: GUARD_PORT }],
    networksAdvanced: [{ name: guard }],
    volumes: [{ volumeName: volume, containerPath: CONFIG_FOLDER, readOnly: true }],
  };
}
