import { NGINX } from "../config/defaults.ts";
import type { BalancerPlan } from "../plan/balancer-plan.ts";
import { because, block, type Directive, directive, print, type Statement } from "./directive.ts";
import { OPEN_FILES } from "./nginx-layout.ts";
import { PROCESS } from "./tuning.ts";

/** What stands before the blocks. */
export function processSettings(balancer: Pick<BalancerPlan, "workers">): Directive[] {
  return [
    directive("worker_processes", balancer.workers),
    directive("worker_rlimit_nofile", OPEN_FILES),
    because(
      "workers of an older config live as long as their streams, but not for ever",
      directive("worker_shutdown_timeout", PROCESS.shutdownTimeout),
    ),
    directive("pid", "/tmp/nginx.pid"),
    directive("error_log", "stderr", "warn"),
    directive("pcre_jit", "on"),
  ];
}

/** Connection handling. */
export const events = (): Directive =>
  block("events", [], [directive("worker_connections", PROCESS.workerConnections)]);

/** Settings of the http block that concern the process: files it writes, its connections. */
export function serverProcess(): Directive[] {
  // The container's root is read-only; /tmp is memory. All five are created at start, used or not.
  const temporary = (["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] as const).map((kind) =>
    directive(`${kind}_temp_path` as const, `/tmp/${kind}`),
  );
  return [
    ...temporary,
    directive("server_tokens", "off"),
    directive("keepalive_timeout", PROCESS.keepaliveTimeout),
    directive("keepalive_requests", PROCESS.keepaliveRequests),
    because(
      "without it every reload resets idle client connections: 92 errors in 57,000 requests",
      directive("keepalive_min_timeout", `${NGINX.keepaliveMinTimeoutSeconds}s`),
    ),
    directive("reset_timedout_connection", "on"),
  ];
}

/** A whole config, which says on its first line what made it. */
export const printConfig = (statements: readonly Statement[]): string =>
  `# Made by ollama-mesh: change the stack's config, not this file.\n${print(statements)}`;
