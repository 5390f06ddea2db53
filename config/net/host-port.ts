import { isIP } from "node:net";

/** host:port with the brackets that an IPv6 address needs. */
export const hostPort = (host: string, port: number) =>
  `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
