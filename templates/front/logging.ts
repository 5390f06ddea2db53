import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { type Directive, because, block, directive } from "../directive.ts";
import { KEY_NAME, REQUEST_ID } from "../variables.ts";

/** Maps that log, answers and nodes go by. */
export function requestMaps(): Directive[] {
  return [
    because(
      "a client's id stands in logs and headers, so only what can do no harm there is taken",
      block(
        "map",
        ["$http_x_request_id", REQUEST_ID],
        [
          directive("default", "$request_id"),
          directive('""', "$request_id"),
          directive(String.raw`"~^[A-Za-z0-9._-]{1,128}\z"`, "$http_x_request_id"),
        ],
      ),
    ),
    because(
      "no query in the log: somebody may have put a key there",
      block(
        "map",
        ["$request_uri", "$mesh_path"],
        [directive("default", '""'), directive('"~^(?<mesh_path_only>[^?]*)"', "$mesh_path_only")],
      ),
    ),
    because(
      "looking for the model takes 4 us in a short chat and 1.3 ms per megabyte: only below 100,000 bytes",
      block(
        "map",
        ["$content_length", "$mesh_small_body"],
        [directive("default", '""'), directive(String.raw`"~^\d{1,5}\z"`, "$request_body")],
      ),
    ),
    block(
      "map",
      ["$mesh_small_body", "$mesh_model"],
      [
        directive("default", '""'),
        directive(
          String.raw`'~"model"\s*:\s*"(?<mesh_model_name>[A-Za-z0-9._:/@-]{1,200})"'`,
          "$mesh_model_name",
        ),
      ],
    ),
  ];
}

const fields = ({ access }: BalancerPlan): Record<string, string> => ({
  time: "$time_iso8601",
  client: "$remote_addr",
  key: access.apiKeys?.length ? KEY_NAME : "",
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
      directive("access_log", "/dev/stdout", "mesh", "buffer=4k", "flush=1s"),
    ),
  ];
}
