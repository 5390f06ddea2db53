import { readFile } from "node:fs/promises";

import type { Balancer } from "../behaviour/harness/balancer.ts";
import { docker } from "../behaviour/harness/docker.ts";

/**
 * What somebody writes by hand who knows the five directives that matter.
 *
 * @param servers addresses, with nginx's parameters where one has any
 */
export const minimal = (servers: readonly string[]) => (conf: string) => `
worker_processes 2; pid /tmp/p; error_log stderr warn;
events { worker_connections 8192; }
http {
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
  access_log off; client_body_buffer_size 1m;
  upstream nodes { zone nodes 64k; least_conn; ${servers.map((each) => `server ${each};`).join(" ")} keepalive 64; }
  server { listen 8080; location / {
    proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 900s;
  } }
  server { listen 127.0.0.1:8081; location / { return 200 ${/return 200 ([0-9a-f]{16});/.exec(conf)![1]}; } }
}`;

/**
 * The same with a line of JSON for each request, as who runs it will have.
 *
 * @param servers addresses, with nginx's parameters where one has any
 */
export const logging = (servers: readonly string[]) => (conf: string) =>
  minimal(servers)(conf).replace(
    "access_log off;",
    `log_format j escape=json '{"time":"$time_iso8601","client":"$remote_addr","request":"$request","status":$status,"node":"$upstream_addr","first":"$upstream_header_time","duration":$request_time,"bytes":$bytes_sent}';
  access_log /tmp/access.log j buffer=64k flush=1s;`,
  );

/** CPU time of all processes of a balancer so far, in nanoseconds. */
export async function cpuOf(front: Pick<Balancer, "name">): Promise<number> {
  const [, ...lines] = (await docker("top", front.name, "-o", "pid")).trim().split("\n");
  const times = lines.map(async (pid) =>
    Number((await readFile(`/proc/${pid.trim()}/schedstat`, "utf8")).split(" ")[0]),
  );
  return (await Promise.all(times)).reduce((sum, each) => sum + each, 0);
}

/** A part of values, 0.5 for the median. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)]!;
}
