import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { parseIp } from "../../config/net/ip-address.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { dockerEngine, DockerError } from "../engine/docker-engine.ts";

/** What the kernel calls established, and about to be. Source: Linux, include/net/tcp_states.h. */
const OPEN = ["01", "02"];

const OBSERVE = readFileSync(new URL("observe-connections.sh", import.meta.url), "utf8");

/** What the balancer still has to do with a node that was taken out of its config. */
export interface LiveConnections {
  /** Requests in flight. */
  connections: number;
  /** Whether workers of an earlier config are left, which know the node. */
  oldWorkers: boolean;
}

/**
 * Looks at the connections that the balancer holds to a node. Once the node's line is gone and nginx has
 * reloaded, workers close the idle ones, so that each one left is a request in flight. (Open-source nginx
 * tells nothing per upstream; the kernel does.)
 */
export async function liveConnections(
  balancer: BalancerRef,
  address: string,
  port: number,
): Promise<LiveConnections> {
  const { docker } = dockerEngine(balancer.endpoint);
  const addresses = await addressesOf(balancer, address);
  const observed = await docker(["exec", balancer.container, "sh", "-c", OBSERVE]);
  return parseConnections(
    observed,
    addresses.map((ip) => endpointKey(ip, port)),
  );
}

/**
 * Reads what observe-connections.sh printed.
 *
 * @param wanted what is at the other end, as endpointKey writes it
 */
export function parseConnections(observed: string, wanted: readonly string[]): LiveConnections {
  const connections = observed
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote = "", state = ""]) => OPEN.includes(state) && wanted.includes(remote));
  return {
    connections: connections.length,
    oldWorkers: observed.includes("worker process is shutting down"),
  };
}

/** The IP addresses behind a node's address, as the balancer looks names up; none for an unknown name. */
export async function addressesOf(balancer: BalancerRef, address: string): Promise<string[]> {
  if (isIP(address)) return [address];
  const { docker } = dockerEngine(balancer.endpoint);
  const table = await docker(["exec", balancer.container, "getent", "ahosts", address]).catch(
    (error: unknown) => {
      if (error instanceof DockerError) return "";
      throw error;
    },
  );
  return [...new Set(table.split("\n").flatMap((line) => line.split(/\s+/)[0] || []))];
}

/** An address and port as /proc/net/tcp writes it: 32-bit words in host order, here little-endian. */
export function endpointKey(address: string, port: number): string {
  const bytes = parseIp(address)!.toByteArray();
  let words = "";
  for (let at = 0; at < bytes.length; at += 4) {
    words += bytes
      .slice(at, at + 4)
      .reverse()
      .map((byte) => hex(byte, 2))
      .join("");
  }
  return `${words}:${hex(port, 4)}`;
}

const hex = (value: number, digits: number) =>
  value.toString(16).toUpperCase().padStart(digits, "0");
