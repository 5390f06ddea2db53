/** Models of nodes that get no requests at the moment, since they are changed or in maintenance: they are not nowhere. */
import data from "../data.js";
import { factsOf } from "./facts.js";
import { texts } from "../memory.js";
import { away } from "../pages/served.js";

/**
 * @typedef {Record<string, string[]>} OutOfTraffic names of such nodes, by pool and model, "pool|model"
 */

/** Notes which there are. A part of the poll. */
export function noteOut() {
  const { out, maintenance } = away();
  /** @type {OutOfTraffic} */
  const nodes = Object.create(null);
  for (const name of [...out, ...maintenance]) {
    const { disk, loaded, pool = "" } = factsOf(name);
    const group = data.pools ? pool : "";
    for (const model of new Set([...disk, ...loaded]))
      (nodes[`${group}|${model}`] ??= []).push(name);
  }
  texts().set("out", JSON.stringify(nodes));
}
