import { directive, type Directive } from "./directive.ts";

const FIELDS: Record<string, string> = {
  time: "$time_iso8601",
  client: "$remote_addr",
  method: "$request_method",
  uri: "$request_uri",
  status: "$status",
  bytes: "$body_bytes_sent",
  node: "$mesh_node",
  upstream: "$upstream_addr",
  upstream_status: "$upstream_status",
  connect_seconds: "$upstream_connect_time",
  first_byte_seconds: "$upstream_header_time",
  seconds: "$request_time",
  request_id: "$request_id",
};

/** One JSON object per request on stdout: who, what, which node, how long to the first byte and in all. */
export function accessLog(): Directive[] {
  const entries = Object.entries(FIELDS).map(([name, value]) => `"${name}":"${value}"`);
  return [
    directive("log_format", "mesh", "escape=json", `'{${entries.join(",")}}'`),
    directive("access_log", "/dev/stdout", "mesh"),
  ];
}
