/** What the balancer holds of each node, for those who restart one. */
import data from "./data.js";
import { texts } from "./memory.js";

/**
 * js_content of /verdict/, of all nodes, and of /verdict/<node>, for its health
 * check: the state, a model that is in it, and the percent of it that must lie in GPU memory.
 *
 * @param {NginxHTTPRequest} r
 */
export function verdicts(r) {
  const all = texts().get("verdicts") ?? "{}";
  const name = r.uri.split("/")[2] ?? "";
  if (name === "") {
    r.headersOut["Content-Type"] = "application/json";
    r.return(200, all);
    return;
  }
  r.headersOut["Content-Type"] = "text/plain";
  /** @type {{state: string, models: Record<string, string>} | undefined} */
  const found = JSON.parse(all)[name];
  const model = Object.keys(found?.models ?? {}).find((one) => found?.models[one] === found?.state);
  const percent = data.nodes.find((node) => node.name === name)?.gpuMinimumPercent ?? 0;
  r.return(found ? 200 : 404, found ? `${found.state} ${model ?? "-"} ${percent}\n` : "unknown\n");
}
