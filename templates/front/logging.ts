import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, type Directive, directive, entry, map } from "../directive.ts";
import { literal, pattern } from "../words.ts";
import { KEY_NAME, REQUEST_ID } from "../variables.ts";
import { LOG } from "../tuning.ts";
import { hasApiKeys } from "./api-keys.ts";

/** Maps that log, answers and nodes go by. */
export function requestMaps(): Directive[] {
  return [
    because(
      "a client's id stands in logs and headers, so only what can do no harm there is taken",
      map("$http_x_request_id", REQUEST_ID, [
        entry("default", "$request_id"),
        entry(literal(""), "$request_id"),
        entry(pattern`^[A-Za-z0-9._-]{1,128}\z`, "$http_x_request_id"),
      ]),
    ),
    because(
      "no query in the log: somebody may have put a key there",
      map("$request_uri", "$mesh_path", [
        entry("default", '""'),
        entry(pattern`^(?<mesh_path_only>[^?]*)`, "$mesh_path_only"),
      ]),
    ),
    because(
      "looking for the model takes 4 us in a short chat and 1.3 ms per megabyte: only below 100,000 bytes",
      map("$content_length", "$mesh_small_body", [
        entry("default", '""'),
        entry(pattern`^\d{1,5}\z`, "$request_body"),
      ]),
    ),
    map("$mesh_small_body", "$mesh_model", [
      entry("default", '""'),
      entry(
        pattern`"model"\s*:\s*"(?<mesh_model_name>[A-Za-z0-9._:/@-]{1,200})"`,
        "$mesh_model_name",
      ),
    ]),
  ];
}

const fields = (balancer: BalancerPlan): Record<string, string> => ({
  time: "$time_iso8601",
  client: "$remote_addr",
  key: hasApiKeys(balancer) ? KEY_NAME : "",
  method: "$request_method",
  path: "$mesh_path",
  protocol: "$server_protocol",
  model: "$mesh_model",
  status: "$status",
  bytes: "$body_bytes_sent",
  node: "$mesh_node",
  upstream: "$upstream_addr",
  upstream_status: "$upstream_status",
  connect_seconds: "$upstream_connect_time",
  first_byte_seconds: "$upstream_header_time",
  seconds: "$request_time",
  request_id: REQUEST_ID,
});

/** One JSON object per request on stdout: who, what, which node, how long to the first byte and in all. */
export function accessLog(balancer: BalancerPlan): Directive[] {
  const entries = Object.entries(fields(balancer)).map(([name, value]) => `"${name}":"${value}"`);
  return [
    directive("log_format", "mesh", "escape=json", `'{${entries.join(",")}}'`),
    because(
      "together, once a second: one by one they delay first tokens; 4k is what a pipe takes in one piece",
      directive("access_log", "/dev/stdout", "mesh", `buffer=${LOG.buffer}`, `flush=${LOG.flush}`),
    ),
  ];
}
