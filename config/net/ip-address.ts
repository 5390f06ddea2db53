import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** An IP address, IPv4 or IPv6. */
export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6;

/** Parses an IP address; undefined for all else, and for "10" and "0x7f.1", which ipaddr.js by itself would take. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIP(text) === 0) return undefined;
  // ipaddr.js takes "::10.0.0.7" for "::ffff:10.0.0.7", which is another address.
  return ipaddr.parse(text.replace(/^::(?=\d+\.)/, "::0:"));
}

/**
 * An IP address in its one form: small letters, the longest row of zeros as "::", IPv4 inside IPv6 in
 * hexadecimal too. Any other text stays as it is.
 */
export const canonicalIp = (text: string): string => parseIp(text)?.toString() ?? text;

/** Whether it stands for all addresses of a machine. */
export const isUnspecified = (address: string): boolean =>
  address === "0.0.0.0" || address === "::";

/** Whether one port can't be listened on at both: they are the same, or one is all addresses of its family. */
export const addressesMeet = (one: string, other: string): boolean =>
  isIP(one) === isIP(other) && (one === other || isUnspecified(one) || isUnspecified(other));
