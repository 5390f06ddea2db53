/**
 * What nginx.conf calls for clients' requests, by name. nginx makes the whole of this anew for each request beyond
 * those that it has had at the same time (0.7 ms, 1.0 with what runs by itself), so it holds nothing else.
 */
import { list, model } from "./lists.js";
import { pull } from "./pull.js";
import { ended } from "./requests/ended.js";
import { route } from "./requests/hint.js";
import { headers, tokens } from "./requests/watch.js";
import { verdicts } from "./verdicts.js";

export default {
  ended,
  headers,
  list,
  model,
  pull,
  route,
  tokens,
  verdicts,
};
