// Meshes as their nodes are admitted, for the tests of what is rendered.
import fc from "fast-check";

import type { OllamaMeshArgs } from "../../../config/mesh-args.ts";
import type { NodeArgs } from "../../../config/node-args.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import type { NodePlan } from "../../../plan/node-plan.ts";
import { withServers } from "../../../templates/admitted-servers.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import { njsProgram } from "../../../templates/njs-program.ts";
import { routerOf } from "../../../templates/nodes/routed-node.ts";
import { admitted } from "../../support/admitted.ts";
import { inside, readNginx } from "../../support/nginx-tokens.ts";

/** The config of a mesh with some of its nodes admitted, by default all. */
export function rendered(args: OllamaMeshArgs, chosen?: (node: NodePlan) => boolean) {
  const { balancer, nodes } = planMesh("lab", parseMesh(args));
  const base = nginxConf(balancer, nodes);
  const servers = nodes
    .filter(chosen ?? (() => true))
    .map((node) => [node.name, admitted(balancer, node)] as const);
  const router = routerOf(balancer);
  const { files, ...finished } = withServers(base, Object.fromEntries(servers), "", router);
  return { base, ...finished, files: { ...(router ? njsProgram() : {}), ...files } };
}

/** The servers of the group, but for our own that refuses. */
export const servers = (conf: string) =>
  inside(readNginx(conf), "http", "upstream ollama")
    .filter(({ name, args }) => name === "server" && args[1] !== "route=~")
    .map(({ args }) => args.join(" "));

/** Any node list that is a mesh. */
export const anyNodes = fc
  .uniqueArray(
    fc.record({
      name: fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/).filter((name) => name !== "balancer"),
      weight: fc.integer({ min: 1, max: 1000 }),
      maintenance: fc.boolean(),
      maxConnections: fc.constantFrom(0, 2, 100),
      host: fc.constantFrom("ssh://gpu1.lan", "ssh://gpu2.lan"),
    }),
    { minLength: 1, maxLength: 8, selector: ({ name }) => name },
  )
  .map((nodes) => nodes.map((node, i): NodeArgs => ({ ...node, port: 12_000 + i })));
