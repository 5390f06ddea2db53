import { createHash } from "node:crypto";
import type { BalancerPlan } from "../components/balancer-plan.ts";
import type { NodePlan } from "../components/plan.ts";
import { accessMaps } from "./access.ts";
import { mapSizes } from "./api-keys.ts";
import { block, print, type Directive } from "./directive.ts";
import { errorPages, errorTexts } from "./error-pages.ts";
import { frontDoor, listenFront } from "./front-door.ts";
import { limitZones } from "./limits.ts";
import { accessLog, requestMaps } from "./logging.ts";
import { loopback, management } from "./management.ts";
import { events, processSettings, serverProcess } from "./process.ts";
import { proxySettings, upgradeMap } from "./proxy.ts";
import { routes } from "./routes.ts";
import { redirectServer } from "./tls.ts";
import { HOPS_MARK, type TlsHop } from "./tls-hop.ts";
import {
  balancing,
  hopNameEntry,
  NAMES_MARK,
  nodeNameEntry,
  PLACEHOLDER_SERVER,
  SERVERS_MARK,
} from "./upstream.ts";

/** Stands in the rendered text where the hash of the finished config goes. */
export const HASH_MARK = "@config-hash@";

/**
 * Renders the balancer's config from the plan: everything but the nodes, which their admissions add
 * (see withServers). The same plan gives the same bytes.
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
        ...mapSizes(balancer),
        ...requestMaps(),
        ...accessMaps(balancer),
        ...limitZones(balancer),
        ...accessLog(balancer),
        ...errorTexts(balancer),
        ...upgradeMap(balancer),
        ...balancing(balancer, nodes),
        block(
          "server",
          [],
          [
            ...listenFront(balancer),
            ...frontDoor(balancer),
            ...proxySettings(balancer),
            ...errorPages(balancer),
            ...routes(balancer),
          ],
        ),
        ...redirectServer(balancer),
        loopback(HASH_MARK),
        ...management(balancer, nodes, HASH_MARK),
        { name: HOPS_MARK, args: [] },
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
  /** Of a node with TLS. */
  hop?: TlsHop;
}

/** A config that can be served. */
export interface FinishedConfig {
  conf: string;
  /** Of the config and all that lies beside it. */
  hash: string;
  /** What lies beside it and is no secret, by name. */
  files: Record<string, string>;
}

/**
 * Puts the admitted nodes into the rendered config, sorted by name, and its hash.
 *
 * @param base what nginxConf rendered
 * @param servers the admitted nodes by name
 * @param secrets hash of the secret files beside it
 */
export function withServers(
  base: string,
  servers: Readonly<Record<string, AdmittedNode>>,
  secrets = "",
): FinishedConfig {
  const names = Object.keys(servers).sort();
  const lines = names.map((name) => servers[name]!.line);
  const entries = names.flatMap((name) => {
    const { addresses, port, hop } = servers[name]!;
    if (hop !== undefined) return hopNameEntry(name);
    return addresses.map((address) => nodeNameEntry(name, address, port));
  });
  // nginx refuses a group without a primary; a server that is down makes it answer 503 instead.
  const hasPrimary = lines.some((line) => !/ backup[ ;]/.test(line));
  const all = hasPrimary ? lines : [PLACEHOLDER_SERVER, ...lines];
  const text = base
    .replace(`${SERVERS_MARK};`, all.join("\n        "))
    .replace(`        ${NAMES_MARK};\n`, entries.map((entry) => `        ${entry}\n`).join(""))
    .replace(`    ${HOPS_MARK};\n`, names.map((name) => servers[name]!.hop?.conf ?? "").join(""));
  const files = Object.fromEntries(
    names.flatMap((name) => Object.entries(servers[name]!.hop?.files ?? {})),
  );
  const beside = Object.keys(files).length > 0 ? JSON.stringify(files) : "";
  const whole = `${text}${secrets}${beside}`;
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, 16);
  return { conf: text.replaceAll(HASH_MARK, hash), hash, files };
}
