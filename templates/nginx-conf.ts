import { createHash } from "node:crypto";
import type { BalancerPlan, NodePlan } from "../components/plan.ts";
import { block, print, type Directive } from "./directive.ts";
import { errorPages, errorTexts } from "./error-pages.ts";
import { frontDoor, listenFront } from "./front-door.ts";
import { accessLog } from "./logging.ts";
import { management } from "./management.ts";
import { events, processSettings, serverProcess } from "./process.ts";
import { proxySettings } from "./proxy.ts";
import { routes } from "./routes.ts";
import { nodeNames, PLACEHOLDER_SERVER, SERVERS_MARK, upstream } from "./upstream.ts";

/** Stands in the rendered text where the hash of the finished config goes. */
export const HASH_MARK = "@config-hash@";

/**
 * Renders the balancer's config from the plan: everything but the server lines, which each node's
 * admission adds (see withServers). The same plan gives the same bytes, whatever the order of nodes.
 */
export function nginxConf(balancer: BalancerPlan, nodes: readonly NodePlan[]): string {
  const tree: Directive[] = [
    ...processSettings(balancer),
    events(),
    block(
      "http",
      [],
      [
        ...serverProcess(),
        ...accessLog(),
        nodeNames(nodes),
        ...errorTexts(),
        upstream(balancer),
        block(
          "server",
          [],
          [
            ...listenFront(),
            ...frontDoor(balancer),
            ...proxySettings(balancer),
            ...errorPages(),
            ...routes(),
          ],
        ),
        management(HASH_MARK),
      ],
    ),
  ];
  return `# Made by ollama-mesh: change the stack's config, not this file.\n${print(tree)}`;
}

/**
 * Puts the lines of the admitted nodes into the rendered config, sorted by node, and its hash.
 *
 * @param base what nginxConf rendered
 * @param servers server line by node name
 */
export function withServers(
  base: string,
  servers: Readonly<Record<string, string>>,
): { conf: string; hash: string } {
  const lines = Object.keys(servers)
    .sort()
    .map((node) => servers[node]!);
  // nginx refuses a group without a primary; a server that is down makes it answer 503 instead.
  const hasPrimary = lines.some((line) => !/ backup\b/.test(line));
  const all = hasPrimary ? lines : [PLACEHOLDER_SERVER, ...lines];
  const text = base.replace(`${SERVERS_MARK};`, all.join("\n        "));
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  return { conf: text.replace(HASH_MARK, hash), hash };
}
