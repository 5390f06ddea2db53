import { LIMITS } from "../../config/defaults.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { type Directive, directive, entry, map } from "../directive.ts";
import { literal } from "../words.ts";
import { KEY_NAME, LIMITED_ADDRESS } from "../variables.ts";
import { zoneName } from "../zone-name.ts";
import { hasApiKeys } from "./api-keys.ts";
import { limitedAddress } from "./network-access.ts";

/** What a limit counts by: where there are keys, nobody comes as far as the limits without one. */
const countedBy = (balancer: BalancerPlan) => (hasApiKeys(balancer) ? KEY_NAME : LIMITED_ADDRESS);

const zone = (balancer: BalancerPlan, purpose: string) =>
  zoneName(purpose, countedBy(balancer), LIMITS.zoneSize);

/** Whether a 429 of nginx's own can occur. */
export const isLimited = ({ access: { limits = {} } }: BalancerPlan) =>
  limits.requestsPerMinute !== undefined || limits.concurrent !== undefined;

/** Whether limits go by the client's address, and not by its key. */
export const goesByAddress = (balancer: BalancerPlan) =>
  isLimited(balancer) && countedBy(balancer) === LIMITED_ADDRESS;

/** The zones in which requests are counted, and what is told to those refused. */
export function limitZones(balancer: BalancerPlan): Directive[] {
  if (!isLimited(balancer)) return [];
  const { requestsPerMinute, concurrent } = balancer.access.limits ?? {};
  const key = countedBy(balancer);
  const size = LIMITS.zoneSize;
  const requests = `zone=${zone(balancer, "requests")}:${size}`;
  const streams = `zone=${zone(balancer, "streams")}:${size}`;
  return [
    ...(key === LIMITED_ADDRESS ? [limitedAddress()] : []),
    ...(requestsPerMinute === undefined
      ? []
      : [directive("limit_req_zone", key, requests, `rate=${requestsPerMinute}r/m`)]),
    ...(concurrent === undefined ? [] : [directive("limit_conn_zone", key, streams)]),
    map("$limit_req_status", "$mesh_limit_seconds", [
      entry("default", LIMITS.concurrentRetrySeconds),
      // The bucket gives one request back in this time.
      ...(requestsPerMinute === undefined
        ? []
        : [entry(literal("REJECTED"), Math.ceil(60 / requestsPerMinute))]),
    ]),
  ];
}

/** The limits of every location; those that nginx answers by itself (/healthz, refusals) never come so far. */
export function limits(balancer: BalancerPlan): Directive[] {
  const { requestsPerMinute, concurrent, burst } = balancer.access.limits ?? {};
  const extra = burst ?? Math.ceil((requestsPerMinute ?? 0) * LIMITS.burstShare);
  return [
    ...(requestsPerMinute === undefined
      ? []
      : [
          directive(
            "limit_req",
            `zone=${zone(balancer, "requests")}`,
            ...(extra > 0 ? [`burst=${extra}`, "nodelay"] : []),
          ),
          directive("limit_req_status", 429),
          // The access log has them; one line more for each would only help whoever floods.
          directive("limit_req_log_level", "info"),
        ]),
    ...(concurrent === undefined
      ? []
      : [
          directive("limit_conn", zone(balancer, "streams"), concurrent),
          directive("limit_conn_status", 429),
          directive("limit_conn_log_level", "info"),
        ]),
  ];
}
