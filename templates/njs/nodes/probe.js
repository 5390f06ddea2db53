/** One real token, asked of a node that is suspected, where the answer would prove something. */
import { count } from "../counters.js";
import data from "../data.js";
import { factsOf } from "./facts.js";
import { ask } from "./inventory.js";
import { isBesideAnother } from "./other-nginx.js";
import { leases, number, numbers } from "../memory.js";
import { stateOf, tick } from "./tick.js";
import { patience, worthAProbe } from "./verdict.js";

/** @typedef {import("../../router-data.ts").RoutedNode} RoutedNode */
/** @typedef {import("./facts.js").Facts} Facts */

/** Longer than a probe takes at most: js_fetch_timeout of the locations that run it. */
const LEASE_MILLISECONDS = 4500;

/** js_periodic, of several locations in turn: a run that still waits would be ended by the next of the same. */
export async function probe() {
  if (!data.judged) return;
  const another = isBesideAnother();
  await Promise.all(
    data.nodes.flatMap((node) => {
      const facts = factsOf(node.name);
      return facts.well ? facts.loaded.map((model) => probeOne(node, model, facts, another)) : [];
    }),
  );
  tick();
}

/**
 * @param {RoutedNode} node
 * @param {string} model each has a runner of its own, and it is the runner that hangs
 * @param {Facts} facts
 * @param {boolean} another whether another nginx may have streams there
 */
async function probeOne(node, model, { loading = 0, context = {}, oneByOne = [] }, another) {
  const request = requestTo(node, model, context[model]);
  const pair = `${node.name}|${model}`;
  const places = oneByOne.includes(model) ? 1 : (node.places ?? 1);
  if (!request || !isDue(node, pair, { loading, another, places })) return;
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
 * @param {object} of
 * @param {number} of.loading since when the node may be loading it; 0 where it does not
 * @param {boolean} of.another
 * @param {number} of.places for the model
 */
function isDue(node, pair, { loading, another, places }) {
  const now = Date.now();
  const proof = number(`p:${pair}`);
  const inFlight = number(`j:${pair}`);
  const load = Math.max(loading, number(`l:${pair}`), number(`b:${pair}`));
  // Who waited for a load may have gone: then it is the load that is waited for.
  const silentSince = inFlight <= 0 && load > proof ? load : Math.max(proof, number(`z:${pair}`));
  return worthAProbe({
    state: stateOf(pair),
    inFlight,
    silent: now - silentSince,
    full: another || number(`i:${node.name}`) >= places || load > proof,
    patience: patience({
      now,
      proof,
      loadCaused: load,
      ends: number(`gn:${pair}`),
      firstByte: number(`fb:${pair}`),
      largest: number(`bm:${pair}`),
      underWay: number(`bf:${pair}`),
      wholeAsked: number(`bw:${pair}`) >= number(`z:${pair}`) ? number(`bw:${pair}`) : 0,
      wholeAnswer: number(`fw:${pair}`),
    }),
  });
}

/**
 * @param {RoutedNode} node
 * @param {string} model
 * @param {number | undefined} context with which it is loaded: asked for another one, or for none, Ollama would load it anew, and wait
 *   until all that is in flight has ended
 * @returns {{path: string, options: NgxFetchOptions, expect?: string} | undefined}
 */
function requestTo(node, model, context) {
  const json = { "Content-Type": "application/json" };
  if (node.kind === "ollama") {
    const options = { num_predict: 1, ...(context === undefined ? {} : { num_ctx: context }) };
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
