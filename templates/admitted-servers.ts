import { createHash } from "node:crypto";
import { TLS_PROXIES_MARK, type TlsProxy } from "./nodes/tls-proxy.ts";
import {
  NAMES_MARK,
  PLACEHOLDER_SERVER,
  SERVERS_MARK,
  tlsProxyNameEntry,
  nodeNameEntry,
} from "./nodes/upstream.ts";

/** Stands in the rendered text where the hash of the finished config goes. */
export const HASH_MARK = "@config-hash@";

/** A node in traffic. */
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
    const { addresses, port, hop: tlsProxy } = servers[name]!;
    if (tlsProxy !== undefined) return tlsProxyNameEntry(name);
    return addresses.map((address) => nodeNameEntry(name, address, port));
  });
  // nginx refuses a group without a primary; a server that is down makes it answer 503 instead.
  const hasPrimary = lines.some((line) => !/ backup[ ;]/.test(line));
  const all = hasPrimary ? lines : [PLACEHOLDER_SERVER, ...lines];
  const text = base
    .replace(`${SERVERS_MARK};`, all.join("\n        "))
    .replace(`        ${NAMES_MARK};\n`, entries.map((entry) => `        ${entry}\n`).join(""))
    .replace(
      `    ${TLS_PROXIES_MARK};\n`,
      names.map((name) => servers[name]!.hop?.conf ?? "").join(""),
    );
  const files = Object.fromEntries(
    names.flatMap((name) => Object.entries(servers[name]!.hop?.files ?? {})),
  );
  const beside = Object.keys(files).length > 0 ? JSON.stringify(files) : "";
  const whole = `${text}${secrets}${beside}`;
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, 16);
  return { conf: text.replaceAll(HASH_MARK, hash), hash, files };
}
