import { X509Certificate } from "node:crypto";
import { isIPv6 } from "node:net";
import { canonicalIp } from "./ip-address.ts";

/** DNS names and addresses that a certificate is for, as a Host header has them; none where it can't be read. */
export function certificateNames(pem: string | undefined): string[] {
  if (pem === undefined) return [];
  let listed: string | undefined;
  try {
    listed = new X509Certificate(pem).subjectAltName;
  } catch {
    // nginx says what is wrong with it; in a preview it may be a placeholder.
    return [];
  }
  const names = (listed ?? "").split(", ").flatMap((entry) => {
    const [, kind, value = ""] = /^(DNS|IP Address):(.+)$/.exec(entry) ?? [];
    if (kind === undefined) return [];
    return isIPv6(value) ? `[${canonicalIp(value)}]` : value.toLowerCase();
  });
  // A name is part of an expression, so nothing else than a name, an address or a wildcard gets through.
  return [...new Set(names)]
    .filter((name) => /^((\*\.)?[a-z0-9_.-]+|\[[0-9a-f:]+\])$/.test(name))
    .sort();
}
