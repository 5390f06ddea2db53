/** Gauges of the mesh as a whole, for alerts: what no single node's line can say. */
import data from "../data.js";
import { json } from "../memory.js";
import { factsOf } from "../nodes/facts.js";
import { stateOf } from "../nodes/tick.js";
import { away, servedConfig } from "./served.js";
import { certificateEnd } from "./certificate.js";
import { current } from "../view.js";

/** @typedef {import("./metrics.js").Gauge} Gauge */

/** @returns {Gauge[]} */
export function meshGauges() {
  const { hash, since, current: isCurrent } = servedConfig();
  const { maintenance, out } = away();
  const running = data.nodes.flatMap(({ name: node }) => {
    /** @type {{name: string, size?: number, size_vram?: number}[]} */
    const models = factsOf(node).well ? json(`r:${node}`, []) : [];
    return models.map((model) => ({ labels: { node, model: model.name }, ...model }));
  });
  const certificate = certificateEnd(Date.now());
  const view = current();
  return [
    gauge(
      "mesh_certificate_end_seconds",
      "Until when the front's certificate is good, in seconds since 1970.",
      certificate > 0 ? [{ labels: {}, value: certificate / 1000 }] : [],
    ),
    gauge(
      "mesh_model_nodes",
      "Nodes that are well and have the model, those that are quiet included.",
      Object.entries(view?.models ?? {}).map(([model, ranks]) => ({
        labels: { model },
        value: [
          ranks.loaded,
          ranks.disk,
          ranks.backup,
          ranks.drain,
          ranks.doubt.filter((index) => isQuiet(view?.nodes[index]?.name, model)),
        ].flat().length,
      })),
    ),
    gauge(
      "mesh_model_memory_bytes",
      "Memory that a loaded model takes.",
      running.map(({ labels, size }) => ({ labels, value: Number(size) || 0 })),
    ),
    gauge(
      "mesh_model_gpu_bytes",
      "What of it lies in GPU memory.",
      running.map(({ labels, size_vram: inGpu }) => ({ labels, value: Number(inGpu) || 0 })),
    ),
    gauge(
      "mesh_node_info",
      "1, with the version of its Ollama.",
      data.nodes.map(({ name: node }) => ({
        labels: { node, version: factsOf(node).version },
        value: 1,
      })),
    ),
    gauge("mesh_node_away", "1 for a node that is declared and gets no requests, with why.", [
      ...maintenance.map((node) => ({ labels: { node, why: "maintenance" }, value: 1 })),
      ...out.map((node) => ({ labels: { node, why: "out" }, value: 1 })),
    ]),
    gauge("mesh_config_info", "1, with the hash of the config that serves.", [
      { labels: { hash }, value: 1 },
    ]),
    gauge("mesh_config_since_seconds", "Since when it serves, in seconds since 1970.", [
      { labels: {}, value: since / 1000 },
    ]),
    gauge("mesh_config_current", "1 where it is the one that lies in the config volume, else 0.", [
      { labels: {}, value: isCurrent ? 1 : 0 },
    ]),
  ];
}

/**
 * It may be at a long prompt.
 *
 * @param {string | undefined} node
 * @param {string} model
 */
const isQuiet = (node, model) => stateOf(`${node}|${model}`) === "quiet";

/**
 * @param {string} name
 * @param {string} help
 * @param {Gauge["samples"]} samples
 * @returns {Gauge}
 */
const gauge = (name, help, samples) => ({ name, help, samples });
