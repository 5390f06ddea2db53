/** What nginx.conf calls, by name. nginx does not check these names when it tests a config. */
import { ended } from "./requests/ended.js";
import { route } from "./requests/hint.js";
import { poll } from "./nodes/inventory.js";
import { list, model } from "./lists.js";
import { metrics, verdicts } from "./metrics.js";
import { probe } from "./nodes/probe.js";
import { headers } from "./requests/refusal.js";
import { tick } from "./nodes/tick.js";
import { tokens } from "./requests/watch.js";

export default { ended, headers, list, metrics, model, poll, probe, route, tick, tokens, verdicts };
