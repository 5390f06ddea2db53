/** One real token, asked of a node that is suspected, where the answer would prove something. */
import { count } from "../counters.js";
import data from "../data.js";
import { factsOf } from "./facts.js";
import { ask } from "./inventory.js";
import { leases, number, numbers } from "../memory.js";
import { stateOf, tick } from "./tick.js";
import { patience, worthAProbe } from "./verdict.js";

/** @typedef {import("../../router-data.ts").RoutedNode} RoutedNode */

/** Longer than a probe takes at most: js_fetch_timeout of the locations that run it. */
const LEASE_MILLISECONDS = 4500;

/** js_periodic, of several locations in turn: a run that still waits would be ended by the next of the same. */
export async function probe() {
  if (!data.judged) return;
  await Promise.all(
    data.nodes.flatMap((node) => {
      const facts = factsOf(node.name);
      return facts.well ? facts.loaded.map((model) => probeOne(node, model)) : [];
    }),
  );
  tick();
}

/**
 * @param {RoutedNode} node
 * @param {string} model each has a runner of its own, and it is the runner that hangs
 */
async function probeOne(node, model) {
  const request = requestTo(node, model);
  const pair = `${node.name}|${model}`;
  if (!request || !isDue(node, pair)) return;
  if (!leases().add(`probe:${pair}`, 1, LEASE_MILLISECONDS)) return;
  const begun = Date.now();
  count("mesh_probes_total");
  try {
    const answer = await ask(node, request.path, request.options);
    const text = await answer.text();
    if (request.expect !== undefined && !text.includes(request.expect)) {
      throw new Error(`${request.path} answered without what was expected`);
    }
    // Any answer will do, an error too: it is not silent, and errors are what max_fails is for.
    numbers().set(`p:${pair}`, Date.now());
    numbers().set(`f:${pair}`, 0);
  } catch {
    // Somebody got a token meanwhile: it lives.
    if (number(`p:${pair}`) > begun) numbers().set(`f:${pair}`, 0);
    else numbers().incr(`f:${pair}`, 1);
  }
  leases().delete(`probe:${pair}`);
}

/**
 * @param {RoutedNode} node
 * @param {string} pair
 */
function isDue(node, pair) {
  const now = Date.now();
  const proof = number(`p:${pair}`);
  return worthAProbe({
    state: stateOf(pair),
    inFlight: number(`j:${pair}`),
    silent: now - Math.max(proof, number(`z:${pair}`)),
    full: number(`i:${node.name}`) >= node.places || number(`l:${pair}`) > proof,
    patience: patience({
      now,
      proof,
      loadCaused: number(`l:${pair}`),
      ends: number(`gn:${pair}`),
      firstByte: number(`fb:${pair}`),
      largest: number(`bm:${pair}`),
      underWay: number(`bf:${pair}`),
    }),
  });
}

/**
 * @param {RoutedNode} node
 * @param {string} model
 * @returns {{path: string, options: NgxFetchOptions, expect?: string} | undefined}
 */
function requestTo(node, model) {
  const json = { "Content-Type": "application/json" };
  if (node.kind === "ollama") {
    const options = { num_predict: 1 };
    const body = JSON.stringify({ model, prompt: "Hi", raw: true, stream: false, options });
    return { path: "/api/generate", options: { method: "POST", headers: json, body } };
  }
  const declared = node.probe;
  if (!declared) return undefined;
  const { path, body, expect } = declared;
  return {
    path,
    options: body === undefined ? {} : { method: "POST", headers: json, body },
    ...(expect === undefined ? {} : { expect }),
  };
}
