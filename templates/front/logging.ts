import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, block, type Directive, directive, type Entry, entry, map } from "../directive.ts";
import { literal, pattern } from "../words.ts";
import { CLIENT, KEY_NAME, REQUEST_ID } from "../variables.ts";
import { ENDED } from "../njs-conf.ts";
import { POOL } from "../nodes/pools.ts";
import { isRouted } from "../nodes/routed-node.ts";
import { LOG } from "../tuning.ts";
import { hasApiKeys } from "./api-keys.ts";

/** Maps that log, answers and nodes go by. */
export function requestMaps(balancer: BalancerPlan): Directive[] {
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
    ...(isRouted(balancer) ? [] : modelOfBody()),
  ];
}

/** The model for the log; with routing by models the program finds it, and knows it from what is merely written alike. */
const modelOfBody = (): Directive[] => [
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
    // PHP and others write each "/" as an escape; the longest names have three.
    ...[1, 2, 3].map((slashes) => escapedName(slashes)),
  ]),
];

/** The entry for a name with so many slashes, each written as "/", "\\/" or "\\u002f". */
function escapedName(slashes: number): Entry {
  const parts = Array.from({ length: slashes + 1 }, (_part, at) => `mesh_model_${slashes}_${at}`);
  const slash = pattern`(/|\\/|\\u002[Ff])`;
  const source = parts
    .map((part, at) => pattern`${at > 0 ? slash : ""}(?<${part}>[A-Za-z0-9._:@-]{1,100})`.pattern)
    .join("");
  return entry(
    pattern`"model"\s*:\s*"${{ pattern: source }}"`,
    `"${parts.map((part) => `$${part}`).join("/")}"`,
  );
}

const fields = (balancer: BalancerPlan): Record<string, string> => ({
  time: "$time_iso8601",
  client: { address: CLIENT, network: "$mesh_client_network", none: "" }[
    balancer.log?.clients ?? "address"
  ],
  key: hasApiKeys(balancer) ? KEY_NAME : "",
  method: "$request_method",
  path: "$mesh_path",
  protocol: "$server_protocol",
  ...(balancer.pools ? { pool: POOL } : {}),
  model: "$mesh_model",
  status: "$status",
  bytes: "$body_bytes_sent",
  node: "$mesh_node",
  upstream: "$upstream_addr",
  upstream_status: "$upstream_status",
  connect_seconds: "$upstream_connect_time",
  first_byte_seconds: "$upstream_header_time",
  seconds: "$request_time",
  ...(isRouted(balancer) ? { refused: ENDED } : {}),
  request_id: REQUEST_ID,
});

/** One JSON object per request on stdout: who, what, which node, how long to the first byte and in all. */
export function accessLog(balancer: BalancerPlan): Directive[] {
  const entries = Object.entries(fields(balancer)).map(([name, value]) => `"${name}":"${value}"`);
  const { samplePercent = 100 } = balancer.log ?? {};
  return [
    ...(balancer.log?.clients === "network" ? [clientNetwork()] : []),
    ...(samplePercent === 100 ? [] : sample(balancer, samplePercent)),
    directive("log_format", "mesh", "escape=json", `'{${entries.join(",")}}'`),
    because(
      "together, once a second: one by one they delay first tokens; 4k is what a pipe takes in one piece",
      directive(
        "access_log",
        "/dev/stdout",
        "mesh",
        `buffer=${LOG.buffer}`,
        `flush=${LOG.flush}`,
        ...(samplePercent === 100 ? [] : ["if=$mesh_logged"]),
      ),
    ),
  ];
}

const clientNetwork = () =>
  map(CLIENT, "$mesh_client_network", [
    entry("default", '""'),
    entry(pattern`^(?<mesh_client_4>\d+\.\d+\.\d+)\.\d+\z`, '"$mesh_client_4.0"'),
    entry(pattern`^(?<mesh_client_6>[0-9a-fA-F]+(:[0-9a-fA-F]+){0,2}):`, '"$mesh_client_6::"'),
  ]);

/** Lines of requests that went well, of some only. */
function sample(balancer: BalancerPlan, percent: number): Directive[] {
  const [ended, none] = isRouted(balancer) ? [`${ENDED} `, " "] : ["", ""];
  return [
    block(
      "split_clients",
      ["$request_id", "$mesh_sampled"],
      [entry(literal(`${percent}%`), 1), entry(literal("*"), 0)],
    ),
    because(
      ended === ""
        ? "what did not go well is always logged"
        : `what did not go well is always logged; ${ENDED} is read here for lines that are not written, too: it gives places back`,
      map(`"$status ${ended}$mesh_sampled"`, "$mesh_logged", [
        entry("default", 1),
        entry(pattern`^[23]\d\d ${none}0\z`, 0),
      ]),
    ),
  ];
}
