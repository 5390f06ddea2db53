import { createHash } from "node:crypto";
import { hostPort } from "../config/net/host-port.ts";
import { canonicalIp } from "../config/net/ip-address.ts";
import { routedServer } from "./nodes/routed-group.ts";
import { dataFile } from "./njs-program.ts";
import type { DeclaredNode } from "./nodes/routed-node.ts";
import type { Hop } from "./nodes/hop.ts";
import { isBackup, nodeNameEntry, PLACEHOLDER_SERVER, hopNameEntry } from "./nodes/upstream.ts";
import type { RoutedNode, Router } from "./router-data.ts";
import { fillHash, fillSlots, poolsIn } from "./slots.ts";

/** A node in traffic. Lies in the volumes of running balancers, so its fields keep their names. */
export interface AdmittedNode {
  /** What stands in the upstream block. */
  line: string;
  /** Its IP addresses as the balancer knows them: more than one, or others tomorrow, for a node by name. */
  addresses: string[];
  port: number;
  /** Whose group it is in; absent for the default one. */
  pool?: string;
  /** Of a node with TLS or a key. */
  hop?: Hop;
  /** What the program in nginx is told of it; absent where nothing is routed to it. */
  routed?: DeclaredNode;
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
 * Puts the admitted nodes into the rendered config, sorted by name, and its hash. On text and not on the tree: the
 * rendered config lies in the balancer's volume, where steps of another version may have put it.
 *
 * @param base what nginxConf rendered
 * @param servers the admitted nodes by name
 * @param secrets hash of the secret files beside it; empty for none
 * @param router absent where nginx chooses by itself
 */
export function withServers(
  base: string,
  servers: Readonly<Record<string, AdmittedNode>>,
  secrets = "",
  router?: Router,
): FinishedConfig {
  const sorted = Object.entries(servers).sort(([a], [b]) => (a < b ? -1 : 1));
  const pools = poolsIn(base);
  // A config without pools has one group, for nodes too that have not been amended since. With pools a node of one that is
  // not there any more has no group until then: another pool's clients would ask it for what it has not.
  const nodes = sorted.filter(
    ([, { pool }]) => pools.length === 0 || pool === undefined || pools.includes(pool),
  );
  const lookUp = /^ *resolver /m.test(base) ? (text: string) => text : onceOnly;
  const group = (of?: string): string[] => {
    const lines = nodes
      .filter(([, { pool }]) => pools.length === 0 || pool === of)
      .map(([name, { line, routed }]) =>
        lookUp(router && routed ? routedServer(line, name) : line),
      );
    // nginx refuses a group without a primary; a server that is down makes it answer 503 instead.
    return lines.every(isBackup) ? [PLACEHOLDER_SERVER, ...lines] : lines;
  };
  const names = nodes.flatMap(([name, { addresses, port, hop }]) =>
    hop === undefined
      ? addresses.map((address) => nodeNameEntry(name, address, port))
      : [hopNameEntry(name)],
  );
  const hops = nodes.flatMap(([, { hop }]) => hop ?? []);
  const text = fillSlots(base, {
    servers: (indent: string, pool?: string) => indented(group(pool))(indent),
    names: indented(names),
    // Printed with its indentation by its admission.
    hops: () => lookUp(hops.map(({ conf }) => conf).join("")),
  });
  const files = Object.assign(
    {},
    ...hops.map(({ files }) => files),
    router ? dataFile({ ...router.settings, nodes: nodes.flatMap(told) }) : {},
  ) as Record<string, string>;
  const beside = Object.keys(files).length > 0 ? JSON.stringify(files) : "";
  const hash = createHash("sha256").update(`${text}${secrets}${beside}`).digest("hex").slice(0, 16);
  return { conf: fillHash(text, hash), hash, files };
}

/** Of a node admitted with a resolver that is not declared any more: nginx would refuse the config until it is amended. */
const onceOnly = (text: string): string => text.replace(/ resolve(?=[ ;])/g, "");

/** A name without addresses is one that was admitted while nginx did not run: it is asked nothing until then. */
const told = ([
  name,
  {
    routed,
    addresses: [address = "0.0.0.0"],
    port,
  },
]: [string, AdmittedNode]): RoutedNode[] =>
  routed ? [{ name, url: `http://${hostPort(canonicalIp(address), port)}`, ...routed }] : [];

const indented = (lines: readonly string[]) => (indent: string) =>
  lines.map((line) => `${indent}${line}\n`).join("");
