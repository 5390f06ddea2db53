import { createHash } from "node:crypto";
import type { TlsProxy } from "./nodes/tls-proxy.ts";
import {
  isBackup,
  nodeNameEntry,
  PLACEHOLDER_SERVER,
  tlsProxyNameEntry,
} from "./nodes/upstream.ts";
import { fillHash, fillSlots } from "./slots.ts";

/** A node in traffic. Lies in the volumes of running balancers, so its fields keep their names. */
export interface AdmittedNode {
  /** What stands in the upstream block. */
  line: string;
  /** Its IP addresses as the balancer knows them: more than one, or others tomorrow, for a node by name. */
  addresses: string[];
  port: number;
  /** Of a node with TLS. */
  hop?: TlsProxy;
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
 */
export function withServers(
  base: string,
  servers: Readonly<Record<string, AdmittedNode>>,
  secrets = "",
): FinishedConfig {
  const nodes = Object.entries(servers).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = nodes.map(([, { line }]) => line);
  // nginx refuses a group without a primary; a server that is down makes it answer 503 instead.
  const group = lines.every(isBackup) ? [PLACEHOLDER_SERVER, ...lines] : lines;
  const names = nodes.flatMap(([name, { addresses, port, hop: tlsProxy }]) =>
    tlsProxy === undefined
      ? addresses.map((address) => nodeNameEntry(name, address, port))
      : [tlsProxyNameEntry(name)],
  );
  const tlsProxies = nodes.flatMap(([, { hop: tlsProxy }]) => tlsProxy ?? []);
  const text = fillSlots(base, {
    servers: indented(group),
    names: indented(names),
    // Printed with its indentation by its admission.
    tlsProxies: () => tlsProxies.map(({ conf }) => conf).join(""),
  });
  const files = Object.assign({}, ...tlsProxies.map((proxy) => proxy.files)) as Record<
    string,
    string
  >;
  const beside = Object.keys(files).length > 0 ? JSON.stringify(files) : "";
  const hash = createHash("sha256").update(`${text}${secrets}${beside}`).digest("hex").slice(0, 16);
  return { conf: fillHash(text, hash), hash, files };
}

const indented = (lines: readonly string[]) => (indent: string) =>
  lines.map((line) => `${indent}${line}\n`).join("");
