import type { BalancerPlan } from "../../plan/balancer-plan.ts";

/**
 * What the hash algorithm goes by; the URI by default. Requests without it go to the nodes in turn.
 *
 * @throws RangeError for a name that no variable of nginx can have
 */
export function hashKey({ hashKey: key = "uri" }: BalancerPlan): string {
  if (key === "uri") return "$request_uri";
  if (key === "client") return "$binary_remote_addr";
  const [kind = "", name = ""] = key.split(":");
  return requestVariable(kind, name);
}

const PREFIXES: Record<string, string> = { header: "http", cookie: "cookie", argument: "arg" };

/**
 * nginx's variable for a header, cookie or argument. Its name becomes syntax, hence the check.
 *
 * @throws RangeError for a name that no variable of nginx can have
 */
export function requestVariable(kind: string, name: string): string {
  const plain = kind === "header" ? name.toLowerCase().replaceAll("-", "_") : name;
  const prefix = PREFIXES[kind];
  if (!prefix || !/^\w+$/.test(plain)) {
    throw new RangeError(`nginx has no variable for ${kind}:${name}`);
  }
  return `$${prefix}_${plain}`;
}
