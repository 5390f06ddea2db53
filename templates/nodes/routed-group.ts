import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { type Directive, directive, entry, map } from "../directive.ts";
import type { RouterSession } from "../router-data.ts";
import { literal } from "../words.ts";
import { ownPrefix } from "./base-path.ts";
import { ownPoolPath } from "./pools.ts";

// What the group of nodes has so that the program can say which server a request goes to. nginx keeps the method, the
// retries, max_fails, max_conns and the backups.

/** Where requests that are refused go; its answer is replaced on its way to the client. */
export const REFUSING_SOCKET = "unix:/tmp/mesh-refusing.sock";

/** Route of that server: no node has such a name. The program's word for it is in templates/njs/refusal.js. */
const REFUSING_ROUTE = "~";

/** For the group, after its method: nginx wraps what it finds. */
export const routedBySticky = (session?: RouterSession): Directive[] => [
  directive(
    "sticky",
    "route",
    "$mesh_route",
    ...(session?.cookie === undefined ? [] : [`$cookie_${session.cookie}`]),
  ),
];

/** The line of our own server in the group: only requests that name its route get there. */
export const refusingServer = (): Directive =>
  directive("server", REFUSING_SOCKET, `route=${REFUSING_ROUTE}`, "drain", "max_fails=0");

/**
 * The node's lines in the group. A backup is there twice: hints are looked up among primaries only, and nginx itself
 * must go on to use it when the others fail.
 *
 * @param line as it is without routing: "server 10.0.0.2:11434 weight=1 ...;"
 */
export function routedServer(line: string, name: string): string {
  const end = line.lastIndexOf(";");
  const plain = line.slice(0, end);
  if (!/ backup( |$)/.test(plain)) return `${plain} route=${name};`;
  return `${plain.replace(" backup", "")} drain route=${name}; ${line}`;
}

/** The cookie that names a client's node. */
export const sessionCookie = ({ sticky }: BalancerPlan): Directive[] =>
  sticky?.cookie === undefined ? [] : [directive("add_header", "Set-Cookie", COOKIE)];

/** Its value; empty, and so not sent, where no node answered. */
export function sessionCookieMap(balancer: BalancerPlan): Directive[] {
  const { sticky, tls } = balancer;
  if (sticky?.cookie === undefined) return [];
  const { cookie, expiresSeconds } = sticky;
  const rest = `Max-Age=${expiresSeconds}; Path=${ownPath(balancer)}; HttpOnly; SameSite=Lax${tls ? "; Secure" : ""}`;
  return [
    map("$mesh_node", COOKIE, [
      entry("default", `"${cookie}=$mesh_node; ${rest}"`),
      entry(literal(""), '""'),
    ]),
  ];
}

/** Each pool has nodes of its own, so a client has a cookie for each. */
const ownPath = (balancer: BalancerPlan): string =>
  ownPoolPath(balancer) === "" ? "/" : `${ownPrefix(balancer)}/`;

const COOKIE = "$mesh_session_cookie";
