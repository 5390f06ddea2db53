import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { KEY_NAME, REQUEST_ID } from "../variables.ts";
import { literal, pattern, quoted } from "../words.ts";
import { hasApiKeys } from "../front/api-keys.ts";

/** Whether a request is traced: 1 or 0. */
const TRACED = "$mesh_traced";

/** The module, before all blocks. */
export const otelModule = ({ tracing: declared }: BalancerPlan): Directive[] =>
  declared ? [directive("load_module", "modules/ngx_otel_module.so")] : [];

/** For the http block: where spans go, and of which requests. */
export function tracing({ tracing: declared, container }: BalancerPlan): Directive[] {
  if (!declared) return [];
  const { endpoint, samplePercent = 100, serviceName = container } = declared;
  const share = samplePercent === 100 ? "1" : "$mesh_trace_share";
  return [
    block("otel_exporter", [], [directive("endpoint", literal(endpoint))]),
    directive("otel_service_name", quoted(serviceName)),
    ...(samplePercent === 100
      ? []
      : [
          block(
            "split_clients",
            ["$otel_trace_id", "$mesh_trace_share"],
            [entry(literal(`${samplePercent}%`), 1), entry(literal("*"), 0)],
          ),
        ]),
    because(
      "as the client's trace says, else a share; the module writes the query down, where somebody may have put a key: with one nothing is traced, but for that of Anthropic's libraries",
      map(`"${share} $otel_parent_id $otel_parent_sampled $request_uri"`, TRACED, [
        entry("default", 0),
        entry(pattern`^(1  [^ ]*|[01] [0-9a-f]+ 1) [^ ?]*(\?(beta=true)?)?\z`, 1),
      ]),
    ),
  ];
}

/** For the server of clients. */
export const traced = (balancer: BalancerPlan): Directive[] =>
  balancer.tracing
    ? [
        directive("otel_trace", TRACED),
        because(
          "nodes get the span of here as their parent",
          directive("otel_trace_context", "propagate"),
        ),
        directive("otel_span_attr", "mesh.node", "$mesh_node"),
        directive("otel_span_attr", "mesh.model", "$mesh_model"),
        ...(hasApiKeys(balancer) ? [directive("otel_span_attr", "mesh.key", KEY_NAME)] : []),
        directive("otel_span_attr", "mesh.request_id", REQUEST_ID),
      ]
    : [];
