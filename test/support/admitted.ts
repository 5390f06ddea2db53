import { isIP } from "node:net";

import type { AdmittedNode } from "../../templates/nginx-conf.ts";

/** A node as its admission puts it into traffic; a name is found nowhere. */
export function admitted(
  line: string,
  { address, port }: { address: string; port: number },
): AdmittedNode {
  return { line, addresses: isIP(address) ? [address] : [], port };
}
