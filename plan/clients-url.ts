import { hostPort } from "../config/net/host-port.ts";
import { engineHost, parseEndpoint } from "../config/net/engine-endpoint.ts";
import { isUnspecified } from "../config/net/ip-address.ts";

/** What a balancer's URL follows from, beside its host. */
interface Listener {
  listen: { address: string; port: number };
  tls?: unknown;
}

/** Where clients reach a balancer: by its declared address, else by its host's. */
export function clientsUrl(
  endpoint: string,
  listen: Listener["listen"],
  tls: unknown,
  address: string | undefined,
): { url: string; urlBySsh: boolean } {
  const byEndpoint = address === undefined && isUnspecified(listen.address);
  const host = byEndpoint ? (engineHost(endpoint) ?? "localhost") : (address ?? listen.address);
  return {
    url: urlAt(host, { listen, tls }),
    urlBySsh: byEndpoint && parseEndpoint(endpoint)?.kind === "ssh",
  };
}

/** The balancer's URL by a name or address of its host. */
export const urlAt = (host: string, { listen, tls }: Listener) =>
  `${tls ? "https" : "http"}://${hostPort(host, listen.port)}`;

/**
 * Tells each balancer where clients reach all of them.
 *
 * @param shared name that leads to all of them
 */
export function withUrls<P extends Listener & { url: string }>(
  plans: readonly P[],
  shared?: string,
): (P & { urls: readonly string[] })[] {
  const all = plans.flatMap((plan) => [plan.url, shared === undefined ? [] : urlAt(shared, plan)]);
  const urls = [...new Set(all.flat())].sort();
  return plans.map((plan) => ({ ...plan, urls }));
}
