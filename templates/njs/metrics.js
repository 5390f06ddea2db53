/** Prometheus text. Format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
import { BUCKETS } from "./counters.js";
import data from "./data.js";
import { factsOf } from "./nodes/facts.js";
import { counters, number, texts } from "./memory.js";
import { stateOf } from "./nodes/tick.js";
import { STATES } from "./nodes/verdict.js";
import { current } from "./view.js";

/** Counters that have no labels, with what they mean. */
const PLAIN = {
  mesh_route_faults_total: "Requests whose node nginx chose because the program failed.",
  mesh_healed_places_total: "Places of killed workers that were given back.",
  mesh_probes_total: "Probes of one token.",
};

/** Histograms: letter of the buckets, letter of the sum, name, meaning. */
const HISTOGRAMS = [
  ["d", "D", "mesh_request_duration_seconds", "Seconds from the request to the end of its answer."],
  [
    "f",
    "F",
    "mesh_first_byte_seconds",
    "Seconds from the request to the first byte of its answer.",
  ],
];

/**
 * js_content of /metrics.
 *
 * @param {NginxHTTPRequest} r
 */
export function metrics(r) {
  r.headersOut["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8";
  r.return(200, prometheus(counters().items(1_000_000), gauges()));
}

/**
 * @typedef {object} Gauge
 * @property {string} name
 * @property {string} help
 * @property {{labels: Record<string, string>, value: number}[]} samples
 */

/**
 * @param {readonly [string, number][]} counted
 * @param {readonly Gauge[]} now
 */
export function prometheus(counted, now) {
  const lines = [
    ...family("mesh_requests_total", "counter", "Requests that have ended."),
    ...samples(counted, "r").map(
      ([[node, model, key, status], value]) =>
        `mesh_requests_total${labels({ node, model, key, status })} ${value}`,
    ),
    ...family("mesh_response_bytes_total", "counter", "Bytes of answers' bodies."),
    ...samples(counted, "b").map(
      ([[node, model, key], value]) =>
        `mesh_response_bytes_total${labels({ node, model, key })} ${value}`,
    ),
    ...HISTOGRAMS.flatMap(([buckets = "", sum = "", name = "", help = ""]) =>
      histogram(counted, buckets, sum, name, help),
    ),
    ...Object.entries(PLAIN).flatMap(([name, help]) => [
      ...family(name, "counter", help),
      `${name} ${counted.find(([key]) => key === name)?.[1] ?? 0}`,
    ]),
    ...now.flatMap(({ name, help, samples: values }) => [
      ...family(name, "gauge", help),
      ...values.map((one) => `${name}${labels(one.labels)} ${one.value}`),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * @param {string} name
 * @param {string} type
 * @param {string} help
 */
const family = (name, type, help) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];

/**
 * Counted values of one letter, with their labels; sorted, so that the same counts give the same text.
 *
 * @param {readonly [string, number][]} counted
 * @param {string} letter
 * @returns {[string[], number][]}
 */
const samples = (counted, letter) =>
  counted
    .filter(([key]) => key.startsWith(`${letter}|`))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => [key.slice(2).split("|"), value]);

/**
 * @param {readonly [string, number][]} counted
 * @param {string} letter
 * @param {string} sumLetter
 * @param {string} name
 * @param {string} help
 */
function histogram(counted, letter, sumLetter, name, help) {
  const sums = new Map(samples(counted, sumLetter).map(([of, value]) => [of.join("|"), value]));
  /** @type {Map<string, number[]>} */
  const all = new Map();
  for (const [[node = "", model = "", key = "", bucket = ""], value] of samples(counted, letter)) {
    const of = `${node}|${model}|${key}`;
    const counts = all.get(of) ?? [];
    counts[Number(bucket)] = value;
    all.set(of, counts);
  }
  const lines = family(name, "histogram", help);
  for (const [of, counts] of all) {
    const [node = "", model = "", key = ""] = of.split("|");
    let sum = 0;
    [...BUCKETS, "+Inf"].forEach((bound, index) => {
      sum += counts[index] ?? 0;
      lines.push(`${name}_bucket${labels({ node, model, key, le: String(bound) })} ${sum}`);
    });
    const own = labels({ node, model, key });
    lines.push(`${name}_sum${own} ${sums.get(of) ?? 0}`, `${name}_count${own} ${sum}`);
  }
  return lines;
}

/** @param {Record<string, string | undefined>} of */
const labels = (of) =>
  `{${Object.entries(of)
    .map(([name, value = ""]) => `${name}="${escaped(value)}"`)
    .join(",")}}`;

/** @param {string} value */
const escaped = (value) => value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");

/** @returns {Gauge[]} */
function gauges() {
  const view = current();
  const nodes = data.nodes;
  /**
   * @param {string} name
   * @param {string} help
   * @param {(node: typeof nodes[number], index: number) => number} value
   */
  const each = (name, help, value) => ({
    name,
    help,
    samples: nodes.map((node, index) => ({
      labels: { node: node.name },
      value: value(node, index),
    })),
  });
  return [
    each("mesh_node_in_flight", "Requests at the node, waiting ones included.", ({ name }) =>
      number(`i:${name}`),
    ),
    each("mesh_node_places", "Requests that it answers at the same time.", ({ places }) => places),
    each(
      "mesh_node_expected_seconds",
      "Seconds that a request is expected to take where the node has nothing else to do.",
      (_, index) => view?.nodes[index]?.seconds ?? 0,
    ),
    each(
      "mesh_node_turn_seconds",
      "Seconds from one place that becomes free to the next while all are taken.",
      (_, index) => view?.nodes[index]?.turn ?? 0,
    ),
    each("mesh_node_models", "Models that it has.", ({ name }) => factsOf(name).disk.length),
    {
      name: "mesh_node_bytes_per_second",
      help: "Measured speed of a stream, by model.",
      samples: nodes.flatMap(({ name }) =>
        factsOf(name).loaded.map((model) => ({
          labels: { node: name, model },
          value: number(`sp:${name}|${model}`),
        })),
      ),
    },
    {
      name: "mesh_node_state",
      help: "1 for the state that the node is in.",
      samples: nodes.flatMap(({ name }) =>
        STATES.map((state) => ({
          labels: { node: name, state },
          value: stateOf(name) === state ? 1 : 0,
        })),
      ),
    },
  ];
}

/**
 * js_content of /verdict/<node>, in one word, and of /verdicts.
 *
 * @param {NginxHTTPRequest} r
 */
export function verdicts(r) {
  const all = texts().get("verdicts") ?? "{}";
  const name = r.uri.split("/")[2] ?? "";
  if (name === "") {
    r.headersOut["Content-Type"] = "application/json";
    r.return(200, all);
    return;
  }
  r.headersOut["Content-Type"] = "text/plain";
  const found = JSON.parse(all)[name];
  r.return(found ? 200 : 404, `${found ? found.state : "unknown"}\n`);
}
