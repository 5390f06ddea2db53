/** What Prometheus gets: printed for it, or, of a large mesh, before it asks. */
import { counters, number, numbers, texts } from "../memory.js";
import { meshGauges } from "./mesh-gauges.js";
import { usageGauges } from "./usage.js";
import { gauges, prometheus } from "./metrics.js";

/** Characters of a text that takes some 20 ms to print; a larger one is made before somebody waits for it. */
const LARGE = 100_000;
/** Milliseconds between two prints: so many times what one takes, at least and at most. */
const [TIMES, LEAST, MOST] = [50, 1000, 10_000];
/** Milliseconds after which what was printed is too old, and after which nobody seems to scrape. */
const [OLD, ALONE] = [15_000, 120_000];

/**
 * js_content of /metrics.
 *
 * @param {NginxHTTPRequest} r
 */
export function metrics(r) {
  const now = Date.now();
  numbers().set("scraped", now);
  const kept = now - number("printed") < OLD ? texts().get("metrics") : undefined;
  r.headersOut["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8";
  r.return(200, kept ?? printed(now));
}

/**
 * Keeps the text of a large mesh ready while somebody scrapes: it takes 0.1 s with 20,000 counters. A part of the tick.
 *
 * @param {number} now
 */
export function keepMetrics(now) {
  if (number("print_large") === 0 || now - number("scraped") > ALONE) return;
  const pause = Math.min(MOST, Math.max(LEAST, number("print_took") * TIMES));
  if (now - number("printed") < pause) return;
  printed(now);
}

/**
 * The text of now, which is kept where it is large.
 *
 * @param {number} now
 */
function printed(now) {
  const text = prometheus(counters().items(1_000_000), [
    ...gauges(),
    ...meshGauges(),
    ...usageGauges(),
  ]);
  const isLarge = text.length >= LARGE;
  numbers().set("print_large", isLarge ? 1 : 0);
  numbers().set("print_took", Date.now() - now);
  numbers().set("printed", now);
  try {
    if (isLarge) texts().set("metrics", text);
    else texts().delete("metrics");
  } catch {
    // No room for it: each scrape prints it.
    texts().delete("metrics");
  }
  return text;
}
