/** What nginx.conf calls, by name. nginx does not check these names when it tests a config. */
import { ended } from "./ended.js";
import { route } from "./hint.js";
import { poll } from "./inventory.js";
import { list, model } from "./lists.js";
import { metrics, verdicts } from "./metrics.js";
import { probe } from "./probe.js";
import { headers } from "./refusal.js";
import { tick } from "./tick.js";
import { tokens } from "./watch.js";

export default { ended, headers, list, metrics, model, poll, probe, route, tick, tokens, verdicts };
