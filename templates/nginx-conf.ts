import { createHash } from "node:crypto";
import type { BalancerPlan } from "../components/plan.ts";
import { block, print, type Directive } from "./directive.ts";
import { errorPages, errorTexts } from "./error-pages.ts";
import { frontDoor, listenFront } from "./front-door.ts";
import { accessLog } from "./logging.ts";
import { management } from "./management.ts";
import { events, processSettings, serverProcess } from "./process.ts";
import { proxySettings } from "./proxy.ts";
import { routes } from "./routes.ts";
import {
  NAMES_MARK,
  nodeNameEntry,
  nodeNames,
  PLACEHOLDER_SERVER,
  SERVERS_MARK,
  upstream,
} from "./upstream.ts";

/** Stands in the rendered text where the hash of the finished config goes. */
export const HASH_MARK = "@config-hash@";

/**
 * Renders the balancer's config from the plan: everything but the nodes, which their admissions add
 * (see withServers). The same plan gives the same bytes.
 */
export function nginxConf(balancer: BalancerPlan): string {
  const tree: Directive[] = [
    ...processSettings(balancer),
    events(),
    block(
      "http",
      [],
      [
        ...serverProcess(),
        ...accessLog(),
        nodeNames(),
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

/** A node in traffic. */
export interface AdmittedNode {
  /** What stands in the upstream block. */
  line: string;
  /** Its IP addresses as the balancer knows them: more than one, or others tomorrow, for a node by name. */
  addresses: string[];
  port: number;
}

/**
 * Puts the admitted nodes into the rendered config, sorted by name, and its hash.
 *
 * @param base what nginxConf rendered
 * @param servers the admitted nodes by name
 */
export function withServers(
  base: string,
  servers: Readonly<Record<string, AdmittedNode>>,
): { conf: string; hash: string } {
  const names = Object.keys(servers).sort();
  const lines = names.map((name) => servers[name]!.line);
  const entries = names.flatMap((name) => {
    const { addresses, port } = servers[name]!;
    return addresses.map((address) => nodeNameEntry(name, address, port));
  });
  // nginx refuses a group without a primary; a server that is down makes it answer 503 instead.
  const hasPrimary = lines.some((line) => !/ backup[ ;]/.test(line));
  const all = hasPrimary ? lines : [PLACEHOLDER_SERVER, ...lines];
  const text = base
    .replace(`${SERVERS_MARK};`, all.join("\n        "))
    .replace(`        ${NAMES_MARK};\n`, entries.map((entry) => `        ${entry}\n`).join(""));
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  return { conf: text.replace(HASH_MARK, hash), hash };
}
