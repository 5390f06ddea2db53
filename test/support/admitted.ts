import { isIP } from "node:net";

import type { AdmittedNode } from "../../templates/admitted-servers.ts";
import type { TlsProxy } from "../../templates/nodes/tls-proxy.ts";

/** A node as its admission puts it into traffic; a name is found nowhere. */
export function admitted(
  line: string,
  { address, port }: { address: string; port: number },
  hop?: TlsProxy,
): AdmittedNode {
  return { line, addresses: isIP(address) ? [address] : [], port, ...(hop ? { hop } : {}) };
}
