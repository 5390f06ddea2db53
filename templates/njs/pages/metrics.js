/** Prometheus text. Format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
import { BUCKETS } from "../counters.js";
import data from "../data.js";
import { factsOf } from "../nodes/facts.js";
import { number } from "../memory.js";
import { stateOf } from "../nodes/tick.js";
import { STATES } from "../nodes/verdict.js";
import { current } from "../view.js";

/** Counters that have no labels, with what they mean. */
const PLAIN = {
  mesh_route_faults_total: "Requests whose node nginx chose because the program failed.",
  mesh_healed_places_total: "Places of killed workers that were given back.",
  mesh_probes_total: "Probes of one token.",
  mesh_usage_faults_total: "Times that what keys use was not counted or not written.",
  mesh_retries_total: "Tries of requests at another node, after one had failed.",
};

/** Counters by letter: name, meaning, names of the labels. */
const COUNTERS = /** @type {const} */ ([
  ["r", "mesh_requests_total", "Requests that have ended.", ["node", "model", "status"]],
  ["b", "mesh_response_bytes_total", "Bytes of answers' bodies.", ["node", "model"]],
  ["k", "mesh_key_requests_total", "Requests with an API key.", ["key", "model", "status"]],
  ["K", "mesh_key_response_bytes_total", "Bytes of their answers' bodies.", ["key", "model"]],
  ["p", "mesh_key_prompt_tokens_total", "Tokens of their prompts.", ["key", "model"]],
  ["a", "mesh_key_answer_tokens_total", "Tokens of their answers.", ["key", "model"]],
  ["e", "mesh_key_estimated_total", "Those whose tokens were estimated.", ["key", "model"]],
]);

/**
 * Histograms: letter of the buckets, letter of the sum, name, meaning. Told by node and by model apart: by both they
 * would be megabytes for a large mesh.
 */
const HISTOGRAMS = [
  ["d", "D", "request_duration_seconds", "Seconds from the request to the end of its answer"],
  ["f", "F", "first_byte_seconds", "Seconds from the request to the first byte of its answer"],
];

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
  known.clear();
  const all = byLetter(counted);
  const plain = new Map(counted.filter(([key]) => key.startsWith("mesh_")));
  const lines = [
    ...COUNTERS.flatMap(([letter, name, help, names]) => counter(all, letter, name, help, names)),
    ...HISTOGRAMS.flatMap(([buckets = "", sum = "", name = "", help = ""]) => [
      ...histogram(all, buckets, sum, `mesh_${name}`, `${help}, by node.`, "node"),
      ...histogram(all, buckets, sum, `mesh_model_${name}`, `${help}, by model.`, "model"),
    ]),
    ...Object.entries(PLAIN).flatMap(([name, help]) => [
      ...family(name, "counter", help),
      `${name} ${plain.get(name) ?? 0}`,
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
 * @param {Counted} counted
 * @param {string} letter
 * @param {string} name
 * @param {string} help
 * @param {readonly string[]} names of its labels
 */
const counter = (counted, letter, name, help, names) => [
  ...family(name, "counter", help),
  ...(counted.get(letter) ?? []).map(([values, value]) => {
    let text = "";
    names.forEach((label, at) => {
      text += `${at > 0 ? "," : ""}${label}="${escaped(values[at] ?? "")}"`;
    });
    return `${name}{${text}} ${value}`;
  }),
];

/** @typedef {Map<string, [string[], number][]>} Counted values of labels, and what was counted, by letter */

/**
 * In one pass: a large mesh has 20,000 of them.
 *
 * @param {readonly [string, number][]} counted
 * @returns {Counted}
 */
function byLetter(counted) {
  /** @type {Counted} */
  const all = new Map();
  for (const [key, value] of counted) {
    if (key[1] !== "|") continue;
    const letter = key[0] ?? "";
    let found = all.get(letter);
    if (!found) all.set(letter, (found = []));
    found.push([key.slice(2).split("|"), value]);
  }
  return all;
}

/**
 * @param {Counted} counted
 * @param {string} letter
 * @param {string} sumLetter
 * @param {string} name
 * @param {string} help
 * @param {"node" | "model"} by
 */
function histogram(counted, letter, sumLetter, name, help, by) {
  const which = by === "node" ? 0 : 1;
  /** @type {Map<string, {counts: number[], sum: number}>} */
  const all = new Map();
  const of = (/** @type {string[]} */ values) => {
    const key = values[which] ?? "";
    const found = all.get(key) ?? { counts: [], sum: 0 };
    all.set(key, found);
    return found;
  };
  for (const [values, value] of counted.get(letter) ?? []) {
    const { counts } = of(values);
    const bucket = Number(values[2]);
    counts[bucket] = (counts[bucket] ?? 0) + value;
  }
  for (const [values, value] of counted.get(sumLetter) ?? []) of(values).sum += value;
  const lines = family(name, "histogram", help);
  for (const [key, { counts, sum }] of all) {
    let total = 0;
    [...BUCKETS, "+Inf"].forEach((bound, index) => {
      total += counts[index] ?? 0;
      lines.push(`${name}_bucket${labels({ [by]: key, le: String(bound) })} ${total}`);
    });
    const own = labels({ [by]: key });
    lines.push(`${name}_sum${own} ${sum}`, `${name}_count${own} ${total}`);
  }
  return lines;
}

/** @param {Record<string, string>} of */
function labels(of) {
  let text = "";
  for (const name in of) text += `${text === "" ? "" : ","}${name}="${escaped(of[name] ?? "")}"`;
  return text === "" ? "" : `{${text}}`;
}

/** @type {Map<string, string>} Names as they stand in a label: a few, thousands of times in one text. */
const known = new Map();

/** @param {string} value */
function escaped(value) {
  let text = known.get(value);
  if (text === undefined) {
    text = value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
    known.set(value, text);
  }
  return text;
}

/**
 * Gauges of each node.
 *
 * @returns {Gauge[]}
 */
export function gauges() {
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
    each(
      "mesh_node_places",
      "Requests that it answers at the same time; 0 where that is not known.",
      ({ places = 0 }) => places,
    ),
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
