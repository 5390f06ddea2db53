import { isIP } from "node:net";

/** host:port with the brackets that an IPv6 address needs. */
export const hostPort = (host: string, port: number) =>
  `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

/**
 * The host in a URL with a port, without brackets, as URLs have it; where it is a name that no URL may have, as one that ssh
 * alone knows ("gpu.1"), that name.
 */
export function hostOf(url: string): string {
  const host = URL.canParse(url) ? new URL(url).hostname : url.replace(/^\w+:\/\/|:\d+$/g, "");
  return host.replace(/^\[|\]$/g, "");
}
