import { addressesMeet, isUnspecified } from "../../../config/net/ip-address.ts";

/** What a container publishes, as the engine tells: by port inside. */
export type PortBindings = Record<string, { HostIp: string; HostPort: string }[]> | null;

/** The same as addresses and ports of the host: "127.0.0.1:11434", "0.0.0.0:443". */
export const publishedBy = (bindings: PortBindings): string[] =>
  Object.values(bindings ?? {})
    .flat()
    .map(({ HostIp, HostPort }) => `${HostIp || "0.0.0.0"}:${HostPort}`);

/** Whether two containers can publish at the same time. */
export const goTogether = (some: readonly string[], others: readonly string[]): boolean =>
  some.every((one) => others.every((other) => !meet(split(one), split(other))));

/** Whether a port of the host is among these, or of some of its addresses: whoever holds that lets nobody try it. */
export const holdsPart = (held: readonly string[], ip: string, port: number): boolean =>
  held.map(split).some(([own, ownPort]) => ownPort === `${port}` && addressesMeet(own, ip));

const split = (published: string): [ip: string, port: string] => {
  const cut = published.lastIndexOf(":");
  return [published.slice(0, cut), published.slice(cut + 1)];
};

const meet = ([ip, port]: [string, string], [other, otherPort]: [string, string]): boolean =>
  port === otherPort && (ip === other || isUnspecified(ip) || isUnspecified(other));
