/** What nginx.conf calls in servers of its own, by name: what runs by itself, and the pages of the management listener. nginx does not check these names when it tests a config. */
import { poll, pollGone } from "./nodes/inventory.js";
import { keepMetrics, metrics } from "./pages/scrape.js";
import { probe } from "./nodes/probe.js";
import { status } from "./pages/status.js";
import { tick } from "./nodes/tick.js";
import { usage } from "./pages/usage.js";
import { verdicts } from "./verdicts.js";

/** js_periodic, every second in one worker. */
function everySecond() {
  tick();
  keepMetrics(Date.now());
}

export default {
  metrics,
  poll,
  pollGone,
  probe,
  status,
  tick: everySecond,
  usage,
  verdicts,
};
